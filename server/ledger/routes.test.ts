import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTestRng } from '../testing/rng.ts';
import { aWorld, type World } from '../testing/world.ts';
import { commitEvents, newStory, paid } from './testing/events.ts';

let world: World;
before(async () => {
  world = await aWorld({ simulators: [] });
});
after(() => world.close());

describe('balances by API', () => {
  it('are those of the merchant in its mode, now, at the end of a day or at an instant, and say whether all is posted', async () => {
    const { ctx, clock, merchant, newMerchant, newKey } = world;
    const rng = createTestRng('balances');
    const at = (text: string) => new Date(`${text}+08:00`);
    const story = { ...newStory(rng, clock.now(), true), merchant_id: merchant.id };
    for (const [time, amount_fen] of [
      ['2026-11-20T09:00:00', 100],
      ['2026-11-21T08:00:00', 20],
      ['2026-11-21T18:00:00', 3],
    ] as const)
      paid(story, rng, { amount_fen, at: at(time) });
    await commitEvents(ctx, story);
    const key = await newKey(merchant.id, true, ['ledger:read']);
    const read = async (query = '', own = key) => {
      const { status, text, body } = await world.api('GET', `/v1/ledger_balances${query}`, { key: own });
      assert.equal(status, 200, text);
      return body;
    };
    assert.deepEqual(await read(), { data: [], complete: false }, 'nothing is posted yet, and that is said');
    assert.deepEqual(await read('?through=2026-11-19'), { data: [], complete: true }, 'of before the first event all is there');
    await world.until(async () => (await read()).complete);
    assert.deepEqual((await read()).data, [
      {
        object: 'ledger_balance',
        livemode: true,
        account: 'channel_receivable',
        channel_account_id: story.account,
        currency: 'CNY',
        debit_fen: 123,
        credit_fen: 0,
        balance_fen: 123,
      },
      {
        object: 'ledger_balance',
        livemode: true,
        account: 'merchant_due',
        channel_account_id: story.account,
        currency: 'CNY',
        debit_fen: 0,
        credit_fen: 123,
        balance_fen: -123,
      },
    ]);
    const due = async (query: string) => (await read(query)).data.find(({ account }: { account: string }) => account === 'merchant_due')?.balance_fen;
    assert.deepEqual(
      [
        await due('?through=2026-11-20'),
        await due('?through=2026-11-21'),
        await due('?at=2026-11-20T00:59:59Z'),
        await due('?at=2026-11-20T01:00:00Z'),
        await due('?at=2026-11-21T17:59:59%2B08:00'),
        await due('?at=2026-11-21T18:00:00%2B08:00'),
      ],
      [-100, -123, undefined, -100, -120, -123],
    );
    const other = await newMerchant('邻店');
    for (const foreign of [await newKey(merchant.id, false, ['ledger:read']), other.key, await newKey(other.merchant.id, true, ['ledger:read'])])
      for (const query of ['', '?through=2026-11-21', '?at=2026-11-22T00:00:00Z']) assert.deepEqual(await read(query, foreign), { data: [], complete: true });
  });

  it('are refused without their scope, of two times at once, and of what is no time, by the name of the parameter', async () => {
    const refused = async (query: string, key = world.key) => {
      const { error } = (await world.api('GET', `/v1/ledger_balances${query}`, { key })).body;
      return [error.code, error.param];
    };
    assert.equal((await refused('', await world.newKey(world.merchant.id, false, ['prices:read'])))[0], 'scope_missing');
    assert.deepEqual(await refused('?through=2026-11-20&at=2026-11-20T00:00:00Z'), ['parameter_invalid', 'at']);
    for (const at of ['yesterday', '2026-11-20', '2026-11-20T00:00:00', '2026-02-30T00:00:00Z'])
      assert.deepEqual(await refused(`?at=${at}`), ['parameter_invalid', 'at']);
    assert.deepEqual(await refused('?through=2026-02-30'), ['parameter_invalid', 'through']);
    for (const name of ['at', 'through'])
      for (const day of ['0001-01-01', '1999-12-31', '2100-01-01', '9999-12-31'])
        assert.deepEqual(await refused(`?${name}=${day}${name === 'at' ? 'T12:00:00Z' : ''}`), ['parameter_invalid', name]);
  });
});
