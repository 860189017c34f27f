import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { aWorld, type World } from '../../testing/world.ts';
import { awaitRecovery, type Killed, lease_notes } from './leases.ts';
import { targets } from './targets.ts';

let world: World;
let books: pg.Client;
const connect = async () => {
  const client = new pg.Client({ connectionString: world.ctx.config.database_url.expose() });
  await client.connect();
  return client;
};
before(async () => {
  world = await aWorld();
  books = await connect();
  await books.query(lease_notes);
});
after(async () => {
  await books.end();
  await world.close();
});

type Note = { readonly of: string; readonly owner: string };
const heldOf = async (id: string): Promise<Note[]> => (await books.query<Note>('select of, owner from leases.held where id = $1', [id])).rows;
let numbered = 0;
async function created(): Promise<{ readonly id: string; readonly attempt_id: string; readonly channel_order_no: string }> {
  const body = { merchant_order_no: `l-${++numbered}`, amount_fen: 100, subject: '一杯茶', method: 'wechat_qr' };
  const answer = await world.flow(world.api('POST', '/v1/payments', { body, idempotency_key: body.merchant_order_no }));
  assert.equal(answer.status, 201, answer.text);
  return { id: answer.body.id, attempt_id: answer.body.attempt.id, channel_order_no: answer.body.attempt.channel_order_no };
}
/** As a node has it that claims and dies. */
const claimAs = async (owner: string, attempt_id: string) => {
  const node = await connect();
  await node.query("select set_config('application_name', $1, false)", [owner]);
  await node.query("update attempts set next_query_at = next_query_at + interval '35 s', query_tries = query_tries + 1 where id = $1", [attempt_id]);
  await node.end();
};
const killed = (owner: string): Killed => ({ owner, at_ms: performance.now(), at: new Date() });

describe('what a node has claimed', () => {
  const historyOf = async (what: string): Promise<string[]> =>
    (await books.query<{ of: string }>('select distinct of from leases.history where what = $1 order by of', [what])).rows.map(({ of }) => of);

  it('is noted of every kind of row, and no more once it is claimed by nobody', async () => {
    await books.query(`create table leases.history (what text, of text, owner text);
      create function leases.tell() returns trigger language plpgsql as $$
      begin
        insert into leases.history values (lower(tg_op), coalesce(new.of, old.of), new.owner);
        return null;
      end $$;
      create trigger tell after insert or update or delete on leases.held for each row execute function leases.tell()`);
    world.hold_notifications = true;
    world.receiver.status = 500;
    const [paid, closed] = [await created(), await created()];
    assert.equal((await books.query('select 1 from leases.held')).rowCount, 0, 'both were answered');
    const simulator = world.simulators.get('wechatpay');
    assert(simulator);
    await world.flow(simulator.act(paid.channel_order_no, { do: 'pay' }));
    await world.flow(world.api('POST', `/v1/payments/${closed.id}/close`, { body: {}, idempotency_key: 'close' }));
    await world.until(async () => (await world.api('GET', `/v1/payments/${paid.id}`)).body.state === 'paid');
    world.receiver.status = 204;
    const refund = await world.flow(
      world.api('POST', '/v1/refunds', { body: { payment_id: paid.id, merchant_refund_no: 'back', amount_fen: 1 }, idempotency_key: 'back' }),
    );
    assert.equal(refund.status, 201, refund.text);
    await world.until(async () => (await books.query('select 1 from leases.held')).rowCount === 0);
    assert.deepEqual(await historyOf('insert'), ['attempts', 'deliveries', 'payments', 'refunds']);
    assert.deepEqual(await historyOf('delete'), ['attempts', 'deliveries', 'payments', 'refunds']);
    await books.query('drop trigger tell on leases.held');
  });

  it('goes by the name of the connection', async () => {
    const { attempt_id } = await created();
    await claimAs('a', attempt_id);
    assert.deepEqual(await heldOf(attempt_id), [{ of: 'attempts', owner: 'a' }]);
    await claimAs('b', attempt_id);
    assert.deepEqual(await heldOf(attempt_id), [{ of: 'attempts', owner: 'b' }]);
  });
});

describe('the recovery of a killed node', () => {
  it('takes until another node has claimed the last of its rows', async () => {
    const [first, second] = [await created(), await created()];
    for (const { attempt_id } of [first, second]) await claimAs('dead', attempt_id);
    let over = false;
    const recovery = awaitRecovery(connect, killed('dead'), new AbortController().signal).finally(() => {
      over = true;
    });
    await setTimeout(800);
    await claimAs('alive', first.attempt_id);
    await setTimeout(300);
    assert.equal(over, false, 'one of two is left');
    await claimAs('alive', second.attempt_id);
    const { held, ms } = await recovery;
    assert.equal(held, 2);
    assert.ok(ms !== undefined && ms > 1_000);
  });

  it('has no time where nobody took them up until the campaign was over and the target missed', async () => {
    const { attempt_id } = await created();
    await claimAs('lost', attempt_id);
    const long_ago = { ...killed('lost'), at_ms: performance.now() - targets.leases_ms_max };
    assert.deepEqual(await awaitRecovery(connect, long_ago, AbortSignal.abort()), { held: 1, ms: undefined });
  });

  it('is of nothing where the node had nothing, or claims only from before any work that was under way', async () => {
    const { attempt_id } = await created();
    await claimAs('idle', attempt_id);
    await books.query("update leases.held set claimed_at = claimed_at - interval '31 s' where owner = 'idle'");
    for (const owner of ['idle', 'nobody']) assert.equal((await awaitRecovery(connect, killed(owner), AbortSignal.abort())).held, 0);
  });
});
