import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ExceptionKind, Payment } from '@heliu/contract';
import { type Kysely, type KyselyPlugin, sql } from 'kysely';
import { RefusalError } from '../../kernel/refusal.ts';
import { readBalances } from '../../ledger/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { reconcileDay } from '../days/service.ts';
import { keepReconHouse } from '../jobs.ts';
import { aShop, type Shop, unsettled } from '../testing/shop.ts';
import type { ReconException } from './exception.ts';
import { acceptException, getException, listSteps, reopenException, suspendException, tellAged } from './service.ts';

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;
const refusal = (code: string) => (error: unknown) => error instanceof RefusalError && error.refusal.refused === code;

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const current = ({ id }: Pick<ReconException, 'id'>) => getException(shop.ctx, world.merchant.id, id);
const stepsOf = async ({ id }: ReconException) => (await listSteps(shop.ctx, world.merchant.id, id)).map(({ step, by }) => [step, by]);
const told = async (type: string, { id }: ReconException): Promise<number> =>
  (await sql`select 1 from events where type = ${`recon_exception.${type}`} and object_id = ${id}`.execute(world.ctx.db.kysely)).rows.length;
const suspense = async (): Promise<bigint> => {
  const balances = await readBalances(world.ctx, { merchant_id: world.merchant.id, livemode: false });
  return balances.find(({ account }) => account === 'suspense')?.balance_fen ?? 0n;
};

/** A day with one wrong line, and the difference that comes of it. */
async function found(kind: ExceptionKind, code: string, amount_fen = 1_000): Promise<ReconException> {
  const biz_date = shop.today();
  await shop.pay();
  shop.plant(code, no(await shop.pay({ amount_fen })));
  await shop.billDay(biz_date);
  await shop.posted();
  return only(kind, biz_date);
}

async function only(kind: ExceptionKind, biz_date: string): Promise<ReconException> {
  const exceptions = (await shop.exceptions({ kind })).filter((each) => each.biz_date === biz_date);
  assert.equal(exceptions.length, 1, kind);
  return exceptions[0] as ReconException;
}

/** Leaves it closed as a matching does that did not find it. */
const setGone = (exception: ReconException) =>
  sql`with e as (update recon_exceptions set state = 'closed', resolution = 'gone', standing = false, closed_at = ${world.clock.now()}, version = version + 1
      where id = ${exception.id} returning merchant_id, id, version)
    insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, at)
    select merchant_id, id, version, 'settle', ${exception.state}, 'closed', 'heliu', ${world.clock.now()} from e`.execute(world.ctx.db.kysely);

describe('a node that dies', () => {
  const decisions = [
    ['accepted', acceptException],
    ['suspense', suspendException],
  ] as const;
  for (const [resolution, decide] of decisions)
    it(`leaves a difference as it was or closed as ${resolution}, at whichever statement it died`, async () => {
      const exception = await found('ours_only', 'missing', 5_000);
      const [before, steps] = [await suspense(), await stepsOf(exception)];
      for (let nth = 1; ; nth++) {
        if (!(await died(decide(dyingAt(shop.ctx, nth), exception, { by: 'ann', note: null })))) {
          assert.ok(nth > 2, 'every statement was died at');
          break;
        }
        assert.deepEqual(await current(exception), exception);
        assert.deepEqual(await stepsOf(exception), steps);
        assert.equal(await suspense(), before);
      }
      assert.equal((await current(exception)).resolution, resolution);
      assert.equal(await suspense(), before + (resolution === 'suspense' ? 5_000n : 0n));
      assert.equal(await told('closed', exception), 1);
    });

  it('with a payment completed and the difference open leaves the rest to be finished, and the merchant is told once', async () => {
    const biz_date = shop.today();
    await shop.pay();
    const lost = await unsettled(shop);
    await shop.billDay(biz_date);
    const repaired = await only('unknown_paid', biz_date);
    assert.equal(repaired.state, 'closed');
    // As a node left it that died between the payment and its difference.
    await sql`delete from recon_matches where object_id = ${repaired.object_id}`.execute(world.ctx.db.kysely);
    await sql`delete from recon_exception_steps where exception_id = ${repaired.id} and version > 2`.execute(world.ctx.db.kysely);
    await sql`update recon_exceptions set state = 'proposed', resolution = null, closed_at = null, standing = true, approvals = '{}', decision = null, version = 2
      where id = ${repaired.id}`.execute(world.ctx.db.kysely);
    await world.flow(keepReconHouse(shop.ctx));
    assert.deepEqual([(await current(repaired)).state, (await current(repaired)).resolution], ['closed', 'matched']);
    await world.until(() => world.inbox.some(({ type, data }) => type === 'payment.paid' && data.id === lost.id));
    assert.equal(world.inbox.filter(({ type, data }) => type === 'payment.paid' && data.id === lost.id).length, 1);
  });

  it('half-way in a decision, as older versions could, leaves a difference that is closed by itself', async () => {
    const exception = await found('ours_only', 'missing');
    await sql`with e as (update recon_exceptions set state = 'accepted', version = version + 1 where id = ${exception.id} returning merchant_id, id, version)
      insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, at)
      select merchant_id, id, version, 'accept', 'proposed', 'accepted', 'ann', ${world.clock.now()} from e`.execute(world.ctx.db.kysely);
    await world.flow(keepReconHouse(shop.ctx));
    const closed = await current(exception);
    assert.deepEqual([closed.state, closed.resolution, closed.standing], ['closed', 'accepted', true]);
    assert.equal(await told('closed', exception), 1);
  });

  it('loses no word of a difference that is open for long', async () => {
    const exception = await found('ours_only', 'missing');
    await sql`update recon_exceptions set opened_at = opened_at - interval '4 days', aged_at = case when id = ${exception.id} then null else ${world.clock.now()}::timestamptz end
      where closed_at is null`.execute(world.ctx.db.kysely);
    for (let nth = 1; await died(tellAged(dyingAt(shop.ctx, nth))); nth++);
    assert.equal(await told('aged', exception), 1);
    await tellAged(shop.ctx);
    assert.equal(await told('aged', exception), 1);
  });
});

describe('a difference that is opened again', () => {
  it('is told again when it stays open for long', async () => {
    const exception = await found('ours_only', 'missing');
    await sql`update recon_exceptions set opened_at = opened_at - interval '4 days' where id = ${exception.id}`.execute(world.ctx.db.kysely);
    await tellAged(shop.ctx);
    const closed = await acceptException(shop.ctx, await current(exception), { by: 'ann', note: null });
    const opened = await reopenException(shop.ctx, closed, { by: 'ann', note: null });
    await tellAged(shop.ctx);
    assert.equal(await told('aged', exception), 1, 'it is open for a moment');
    await sql`update recon_exceptions set reopened_at = reopened_at - interval '4 days' where id = ${opened.id}`.execute(world.ctx.db.kysely);
    await tellAged(shop.ctx);
    assert.equal(await told('aged', exception), 2);
  });

  it('is told and counted when a matching finds it again, and once', async () => {
    const exception = await found('ours_only', 'missing');
    await setGone(exception);
    const day = shop.dayOf(exception.biz_date);
    assert.equal((await world.flow(reconcileDay(shop.ctx, day)))?.opened, 1);
    assert.deepEqual([(await current(exception)).state, await told('opened', exception)], ['proposed', 2]);
    assert.equal((await world.flow(reconcileDay(shop.ctx, day)))?.opened, 0);
    assert.equal(await told('opened', exception), 2);
  });

  it('by one person tells so', async () => {
    const exception = await found('ours_only', 'missing');
    const closed = await acceptException(shop.ctx, exception, { by: 'ann', note: null });
    await assert.rejects(reopenException(shop.ctx, closed, { by: 'heliu', note: null }), refusal('parameter_invalid'));
    assert.equal((await reopenException(shop.ctx, closed, { by: 'ann', note: null })).state, 'opened');
    assert.equal(await told('opened', exception), 2);
  });

  it('from suspense takes as many persons as it took there', async () => {
    const before = await suspense();
    const exception = await found('ours_only', 'missing', 200_000);
    await assert.rejects(suspendException(shop.ctx, exception, { by: 'ann', note: null }), refusal('recon_second_person_required'));
    const suspended = await suspendException(shop.ctx, await current(exception), { by: 'bob', note: null });
    for (let nth = 0; nth < 2; nth++)
      await assert.rejects(async () => reopenException(shop.ctx, await current(suspended), { by: 'ann', note: null }), refusal('recon_second_person_required'));
    const asked = await current(exception);
    assert.deepEqual([asked.state, asked.resolution, await suspense()], ['closed', 'suspense', before + 200_000n]);
    const opened = await reopenException(shop.ctx, asked, { by: 'bob', note: null });
    assert.deepEqual([opened.state, opened.approvals, await suspense()], ['opened', [], before]);
    assert.deepEqual((await stepsOf(exception)).slice(-3), [
      ['approve', 'ann'],
      ['approve', 'bob'],
      ['reopen', 'bob'],
    ]);
  });
});

const died = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    (error: unknown) => {
      if (error instanceof Error && error.message === 'died') return true;
      throw error;
    },
  );

/** The ctx of a node that dies when its nth statement is done. */
function dyingAt(ctx: PaymentsCtx, nth: number): PaymentsCtx {
  let statements = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    transformResult: ({ result }) => {
      statements += 1;
      return statements === nth ? Promise.reject(new Error('died')) : Promise.resolve(result);
    },
  };
  const kysely = ctx.db.kysely.withPlugin(plugin) as Kysely<Tables>;
  return { ...ctx, db: { ...ctx.db, kysely } };
}
