import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { closeChannelAccount, pauseChannelAccount } from '../merchants/service.ts';
import { aWorld, type World } from '../testing/world.ts';
import { someBranches } from './testing/branches.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

describe('rules decide where payments go', () => {
  it('a split keeps its shares, and every payment says why it went where it went', async () => {
    const shop = await someBranches(world, 3);
    const [first, second, third] = shop.ids as [string, string, string];
    await shop.rules({
      rules: [{ name: 'large', when: 'amount_fen > 100000', use: { type: 'priority', accounts: [third] } }],
      default: {
        type: 'split',
        shares: [
          { channel_account_id: first, weight: 7 },
          { channel_account_id: second, weight: 3 },
        ],
      },
    });
    const went = new Map<string, number>();
    for (let n = 0; n < 20; n++) {
      const { attempt } = await shop.create();
      went.set(attempt.channel_account_id, (went.get(attempt.channel_account_id) ?? 0) + 1);
    }
    assert.deepEqual([went.get(first), went.get(second)], [14, 6]);

    const large = await shop.create({ amount_fen: 200_000 });
    const { body } = await world.flow(world.api('GET', `/v1/payments/${large.id}/routing`, { key: shop.key }));
    const [decision] = body.decisions;
    assert.deepEqual([decision.rule, decision.strategy, decision.channel_account_id, decision.propensity_ppm], ['large', 'priority', third, 1_000_000]);
    const why = Object.fromEntries(
      decision.candidates.map((each: { channel_account_id: string; excluded: string }) => [each.channel_account_id, each.excluded]),
    );
    assert.deepEqual(why, { [first]: 'not_in_rule', [second]: 'not_in_rule', [third]: null, [shop.accounts.get('alipay') as string]: 'method_not_supported' });
    const other = await world.flow(world.api('GET', `/v1/payments/${large.id}/routing`));
    assert.equal(other.body.error.code, 'payment_not_found', 'of another merchant');
  });

  it('the cheapest account is chosen, and the report says what it cost', async () => {
    const shop = await someBranches(world, 4);
    const [dear, cheap, flat] = shop.ids as [string, string, string];
    await shop.terms(dear, { channel_price: { rate_ppm: 6000 } });
    await shop.terms(cheap, { channel_price: { rate_ppm: 2000 } });
    await shop.terms(flat, { channel_price: { rate_ppm: 0, per_item_fen: 5 } });
    await shop.rules({ rules: [], default: { type: 'least_cost' } });
    const small = await shop.paid({ amount_fen: 1000 });
    const large = await shop.paid({ amount_fen: 10_000 });
    assert.deepEqual([await shop.accountOf(small.id), await shop.accountOf(large.id)], [cheap, flat]);
    const costs = (await world.flow(world.api('GET', '/v1/routing/costs?from=2026-11-22&to=2026-11-22', { key: shop.key }))).body;
    const rows = costs.rows.map((row: Record<string, unknown>) => [row.channel_account_id, row.count, row.amount_fen, row.quoted_fee_fen, row.charged_fee_fen]);
    assert.deepEqual(
      rows.toSorted(),
      [
        [cheap, 1, 1000, 2, null],
        [flat, 1, 10_000, 5, null],
      ].toSorted(),
    );
  });

  it('rules that make no sense are refused, and what is active stays', async () => {
    const shop = await someBranches(world, 1);
    const refused = await shop.post('/v1/routing/rule_sets', {
      name: '错',
      rules: [{ name: 'never', when: 'amount_fen > 5 && amount_fen < 3', use: { type: 'priority' } }],
      default: { type: 'priority' },
    });
    assert.deepEqual([refused.status, refused.body.error.code, refused.body.error.param], [422, 'routing_rule_invalid', 'rules.0.when']);
    const foreign = await shop.post('/v1/routing/rule_sets', {
      name: '错',
      rules: [],
      default: { type: 'priority', accounts: [world.accounts.get('wechatpay')] },
    });
    assert.deepEqual([foreign.status, foreign.body.error.code], [404, 'channel_account_not_found']);
    assert.equal((await world.flow(world.api('GET', '/v1/routing/rule_sets', { key: shop.key }))).body.data.length, 0);
  });

  it('a saved set is used once it is activated, and the older one again', async () => {
    const shop = await someBranches(world, 2);
    const [first, second] = shop.ids as [string, string];
    const save = (account: string, activate: boolean) =>
      shop.post('/v1/routing/rule_sets', { name: account, rules: [], default: { type: 'priority', accounts: [account] }, activate });
    const one = await save(second, true);
    const two = await save(first, false);
    assert.equal((await shop.create()).attempt.channel_account_id, second);
    for (const [set, account] of [
      [two, first],
      [one, second],
    ] as const) {
      world.clock.advance(1);
      assert.equal((await shop.post(`/v1/routing/rule_sets/${set.body.id}/activate`, {})).body.active, true);
      assert.equal((await shop.create()).attempt.channel_account_id, account);
    }
  });

  it('explain says where a payment would go, by other rules too, and writes nothing', async () => {
    const shop = await someBranches(world, 2);
    const [first, second] = shop.ids as [string, string];
    const draft = await shop.post('/v1/routing/rule_sets', { name: 'b', rules: [], default: { type: 'priority', accounts: [second] }, activate: false });
    const ask = async (more: object) => (await shop.post('/v1/routing/explain', { amount_fen: 100, method: 'wechat_qr', ...more })).body;
    assert.equal((await ask({})).channel_account_id, first);
    assert.equal((await ask({ rule_set_id: draft.body.id })).channel_account_id, second);
    const decisions = await world.ctx.db.kysely.selectFrom('routing_decisions').select('attempt_id').where('merchant_id', '=', shop.merchant.id).execute();
    assert.deepEqual(decisions, []);
  });

  it('a named account that takes no payments is refused by what is the matter with it', async () => {
    const shop = await someBranches(world, 2);
    const other = await someBranches(world, 1);
    const [first, second] = shop.ids as [string, string];
    const account = { merchant_id: shop.merchant.id, channel_account_id: second };
    const refusal = async (channel_account_id: string) => {
      world.clock.advance(1);
      const { status, body } = await shop.post('/v1/payments', shop.order({ channel_account_id }));
      return [status, body.error.code, body.error.param];
    };
    await pauseChannelAccount(world.ctx, account);
    assert.deepEqual(await refusal(second), [409, 'channel_account_paused', 'channel_account_id']);
    await closeChannelAccount(world.ctx, account);
    assert.deepEqual(await refusal(second), [409, 'channel_account_closed', 'channel_account_id']);
    const [of_another] = other.ids as [string];
    await pauseChannelAccount(world.ctx, { merchant_id: other.merchant.id, channel_account_id: of_another });
    assert.deepEqual(await refusal(of_another), [404, 'channel_account_not_found', 'channel_account_id']);
    assert.equal((await shop.create()).attempt.channel_account_id, first);
  });
});

describe('rules tried on past payments', () => {
  it('say what would have been, write nothing, and see no other merchant', async () => {
    const shop = await someBranches(world, 2);
    const [first, second] = shop.ids as [string, string];
    await shop.terms(first, { channel_price: { rate_ppm: 6000 } });
    await shop.terms(second, { channel_price: { rate_ppm: 2000 } });
    await shop.paid({ amount_fen: 10_000 });
    await shop.create({ amount_fen: 10_000 });
    const days = { from: '2026-11-20', to: '2026-11-30' };
    const rules = { rules: [], default: { type: 'least_cost' } };
    const { status, body, text } = await shop.post('/v1/routing/simulate', { ...days, rules });
    assert.equal(status, 200, text);
    assert.deepEqual([body.payments, body.moved, body.actual.fee_fen, body.simulated.fee_fen, body.rule_set_version], [2, 2, 120, 40, null]);
    assert.equal(body.actual.success_ppm, 1_000_000, 'the one that waits says nothing');
    const row = body.accounts.find((each: { channel_account_id: string }) => each.channel_account_id === second);
    assert.deepEqual([row.actual.count, row.simulated.count, row.known], [0, 2, 0]);
    const replayed = await shop.post('/v1/routing/simulate', { ...days, payments_max: 1 });
    assert.deepEqual([replayed.body.payments, replayed.body.sampled, replayed.body.moved], [1, true, 0]);
    const other = await someBranches(world, 1);
    assert.equal((await other.post('/v1/routing/simulate', days)).body.payments, 0);
    const foreign = await other.post('/v1/routing/simulate', { ...days, rules: { rules: [], default: { type: 'priority', accounts: [first] } } });
    assert.deepEqual([foreign.status, foreign.body.error.code, foreign.body.error.param], [404, 'channel_account_not_found', 'rules.default.accounts.0']);
    const both = await shop.post('/v1/routing/simulate', { ...days, rules, rule_set_id: `rrs_${'7'.repeat(26)}` });
    assert.deepEqual([both.status, both.body.error.code, both.body.error.param], [400, 'parameter_invalid', 'rule_set_id'], 'of two, neither is passed over');
    const sets = await shop.world.ctx.db.kysely.selectFrom('rule_sets').select('id').where('merchant_id', '=', shop.merchant.id).execute();
    assert.deepEqual(sets, []);
  });
});

describe('a switch', () => {
  it('turned on one node holds on the other within a second, for the method it names', async () => {
    const shop = await someBranches(world, 2);
    const [first, second] = shop.ids as [string, string];
    const on = async (node: number, method = 'wechat_qr') => {
      const created = await shop.post('/v1/payments', shop.order({ method, ...(method === 'wechat_jsapi' ? { payer_id: 'openid1' } : {}) }), { node });
      return created.body.attempt.channel_account_id;
    };
    assert.deepEqual([await on(0), await on(1)], [first, first]);
    const turn = (body: object) => shop.post(`/v1/routing/accounts/${first}/switch`, body, { node: 0 });
    assert.equal((await turn({ turn: 'off', method: 'wechat_qr' })).status, 200);
    assert.equal(await on(0), second);
    await world.until(async () => (await on(1)) === second, 1_000);
    assert.equal(await on(1, 'wechat_jsapi'), first, 'other methods go on');
    await turn({ turn: 'on', method: 'wechat_qr' });
    assert.equal(await on(0), first);
  });
});
