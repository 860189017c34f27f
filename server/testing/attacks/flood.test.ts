import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { scopes } from '@heliu/contract';
import { rate_limit_burst_s } from '../../kernel/limits.ts';
import { createMerchant } from '../../merchants/service.ts';
import { type Shop, shopOf } from '../../payments/testing/shop.ts';
import { unchanged } from '../state.ts';
import { until } from '../until.ts';
import { aWorld, type World } from '../world.ts';
import { type Answer, requestsSent, shoot } from './attacker.ts';

/** one key sends a hundred times what it may. Time stands still, so what it may is exact. */
const rate_per_s = 10;
const burst = rate_per_s * rate_limit_burst_s;
let world: World;
/** The API key of a merchant that does nothing but ask. */
let flooder: string;
let flooder_id: string;
let quiet: Shop;
before(async () => {
  world = await aWorld({ ctx: { config: { rate_limit_per_s: rate_per_s } } });
  flooder_id = (await createMerchant(world.ctx, { name: '洪水' })).id;
  flooder = await world.newKey(flooder_id, false, scopes);
  quiet = shopOf(world);
  // What it took to set the world up is given back.
  world.clock.advance(rate_limit_burst_s * 1000);
});
after(() => world.close());

const read = (key: string) => shoot(`${world.ctx.config.public_url}/v1/payments`, { headers: { authorization: `Bearer ${key}` } });
const create = (key: string) =>
  shoot(`${world.ctx.config.public_url}/v1/payments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(quiet.order()),
  });

function assertLimited(answer: Answer): void {
  assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.retryable], [429, 'rate_limited', true], answer.text);
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/, 'a client is told when to come back');
}

it('A-21 a flood from one key is told to wait, costs the database nothing, and takes nothing from others', async () => {
  const answers = await Promise.all(Array.from({ length: burst }, () => read(flooder)));
  assert.ok(answers.every(({ status }) => status === 200));
  const statements = async () => Number(/^heliu_db_statements_total (\d+)/m.exec(await world.ctx.metrics.expose())?.[1]);
  await unchanged(world.ctx, async () => {
    // What came due while the clock was moved comes to its end; then time stands still.
    let before = await statements();
    let calm = 0;
    await until('the node is at rest', async () => {
      const last = before;
      before = await statements();
      calm = before === last ? calm + 1 : 0;
      // On a busy machine a node may stand still between two of its statements.
      return calm >= 30;
    });
    const flood = await Promise.all(Array.from({ length: 100 * rate_per_s }, (_, at) => (at % 2 === 0 ? read(flooder) : create(flooder))));
    for (const answer of flood) assertLimited(answer);
    assert.equal(await statements(), before, 'a request that is over the limit asks the database nothing');
  });
  // Among them others pay as if they were alone.
  const storm = Promise.all(Array.from({ length: 200 }, () => create(flooder)));
  const payments = await world.flow(Promise.all(Array.from({ length: burst }, () => create(quiet.key))));
  assert.ok(payments.every(({ status }) => status === 201));
  await storm;
});

it('A-21 whoever waits as long as they were told is served', async () => {
  // The key's own allowance is spent whatever went before.
  for (let spent = 0; spent <= burst; spent++) if ((await read(flooder)).status === 429) break;
  const limited = await read(flooder);
  assertLimited(limited);
  world.clock.advance(Number(limited.headers.get('retry-after')) * 1000);
  assert.equal((await read(flooder)).status, 200);
});

it('A-21 a second key of the same merchant does not pay for the first', async () => {
  const second = await world.newKey(flooder_id, false, scopes);
  assert.equal((await read(second)).status, 200);
});

it('flood: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
