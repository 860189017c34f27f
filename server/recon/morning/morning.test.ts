import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sql } from 'kysely';
import { createMerchant } from '../../merchants/service.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { takeDay } from '../days/service.ts';
import { acceptException } from '../exceptions/service.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { listMorning } from './service.ts';
import { readNeeds, readOpenKinds } from './store.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const morning = (of: { livemode?: boolean; limit?: number } = {}) => listMorning(world.ctx, { limit: 100, ...of });

it('says of every merchant what needs a person, live and test apart, the most at risk first', { timeout: 120_000 }, async () => {
  assert.deepEqual(await morning(), []);
  const first = shop.today();
  shop.plant('missing', (await shop.pay({ amount_fen: 30_000 })).attempt?.channel_order_no as string);
  shop.plant('missing', (await shop.pay({ amount_fen: 20_000 })).attempt?.channel_order_no as string);
  await shop.billDay(first);
  // The other account's bills of that day are awaited: half past noon is after every channel's hour.
  const wanted = await sql<{
    n: number;
  }>`select count(*)::integer as n from bill_days where state = 'wanted' and next_fetch_at <= ${world.clock.now()}`.execute(world.ctx.db.kysely);
  const [found] = await shop.exceptions({ state: 'open', kind: 'ours_only' });
  assert.ok(found);
  const [one, ...others] = await morning();
  assert.ok(one);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [one.merchant_id, one.merchant_code, one.livemode, one.missing_bills, one.unmatched_days, one.first_unclosed, one.open_exceptions, one.at_risk_fen],
    [world.merchant.id, world.merchant.code, false, wanted.rows[0]?.n, 0, first, 2, 50_000n],
  );
  assert.deepEqual(one.kinds, [{ kind: 'ours_only', count: 2, at_risk_fen: 50_000n, oldest_at: found.opened_at }]);
  assert.deepEqual(one.oldest_at, found.opened_at);

  // One is accepted: what is closed is nobody's work.
  const [large, small] = (await shop.exceptions({ state: 'open' })).toSorted((a, b) => Number(b.at_risk_fen - a.at_risk_fen));
  assert.ok(large && small);
  await acceptException(shop.ctx, small, { by: 'ann', note: null });
  const [less] = await morning();
  assert.deepEqual([less?.open_exceptions, less?.at_risk_fen, less?.unclosed_days], [1, 30_000n, one.unclosed_days]);

  // A bill that is there and was not matched.
  await sql`update bill_days set matched_at = null where biz_date = ${first} and state <> 'wanted'`.execute(world.ctx.db.kysely);
  assert.equal((await morning())[0]?.unmatched_days, 1);
  await world.flow(takeDay(shop.ctx, shop.dayOf(first)));

  // Another merchant with more at risk, and in the other mode.
  const { id } = await createMerchant(world.ctx, { name: '第二家' });
  const copy = (livemode: boolean, at_risk_fen: number) =>
    sql`insert into recon_exceptions select (jsonb_populate_record(e, jsonb_build_object('merchant_id', ${id}::text, 'id', 'exc_' || repeat(${livemode ? '8' : '7'}::text, 26),
        'livemode', ${livemode}::boolean, 'at_risk_fen', ${at_risk_fen}::bigint, 'fingerprint', ${livemode ? 'live' : 'test'}::text))).*
      from recon_exceptions e where e.id = ${large.id}`.execute(world.ctx.db.kysely);
  await sql`alter table recon_exceptions disable trigger all`.execute(world.ctx.db.kysely);
  await copy(false, 40_000);
  await copy(true, 10);
  const seen = async (of: { livemode?: boolean; limit?: number } = {}) =>
    (await morning(of)).map(({ merchant_id, livemode, at_risk_fen, kinds }) => [
      merchant_id === id,
      livemode,
      at_risk_fen,
      kinds.map((each) => each.at_risk_fen),
    ]);
  const second = [true, false, 40_000n, [40_000n]];
  const mine = [false, false, 30_000n, [30_000n]];
  const live = [true, true, 10n, [10n]];
  assert.deepEqual(await seen(), [second, mine, live]);
  assert.deepEqual(await seen({ limit: 2 }), [second, mine]);
  assert.deepEqual([await seen({ livemode: true }), await seen({ livemode: false })], [[live], [second, mine]]);
});

it('reads what is open alone, of however many years', { timeout: 120_000 }, async () => {
  const { kysely } = world.ctx.db;
  const account = world.accounts.get('alipay') as string;
  const at = world.clock.now();
  await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, matched_at, closed_at, statement, signature, signing_key_id, closed_by, created_at, close_version)
    select ${world.merchant.id}, ${account}, 'trade', date '2026-01-01' - n, false, 'alipay', 'empty', ${at}, ${at}, '{}', '\\x00', 'key', 'ann', ${at}, 1
    from generate_series(1, 20000) n`.execute(kysely);
  await sql`insert into recon_exceptions (merchant_id, id, livemode, channel, channel_account_id, biz_date, kind, fingerprint, state, "of", standing, at_risk_fen, proposal, resolution, opened_at, closed_at, version)
    select ${world.merchant.id}, 'exc_' || lpad(n::text, 26, '0'), false, 'alipay', ${account}, '2026-01-01', 'ours_only', 'old' || n, 'closed', 'payment', false, 5, 'ask_channel', 'matched', ${at}, ${at}, 2
    from generate_series(1, 20000) n`.execute(kysely);
  await sql`analyze bill_days`.execute(kysely);
  await sql`analyze recon_exceptions`.execute(kysely);
  const reads = () =>
    kysely.transaction().execute(async (trx) => {
      const read = async () =>
        Number(
          (
            await sql<{ n: string }>`select sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid)) as n from pg_class c
              where c.relname in ('bill_days', 'recon_exceptions') or c.relname in (select indexname from pg_indexes where tablename in ('bill_days', 'recon_exceptions'))`.execute(
              trx,
            )
          ).rows[0]?.n ?? 0,
        );
      const within = { ...world.ctx, db: { ...world.ctx.db, kysely: trx } } as unknown as typeof world.ctx;
      const earlier = await read();
      const needs = await readNeeds(within, { today: shop.today(), now: at, limit: 100 });
      await readOpenKinds(
        within,
        needs.map(({ merchant_id }) => merchant_id),
      );
      return (await read()) - earlier;
    });
  const read = await reads();
  assert.ok(read > 0 && read < 200, `${read} rows were read`);
});
