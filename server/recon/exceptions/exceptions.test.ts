import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ExceptionKind, Payment } from '@heliu/contract';
import { type Kysely, type KyselyPlugin, sql } from 'kysely';
import { bizDate } from '../../kernel/time.ts';
import { readBalances } from '../../ledger/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { reconcileDay } from '../days/service.ts';
import { keepReconHouse } from '../jobs.ts';
import { aShop, type Shop, unsettled } from '../testing/shop.ts';
import type { ReconException } from './exception.ts';
import {
  acceptException,
  assignException,
  getException,
  listExceptions,
  listSteps,
  reopenException,
  repairException,
  suspendException,
  tellAged,
} from './service.ts';

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;

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
    // Nor is it said twice because somebody who had read it before acts on it.
    await assignException(shop.ctx, { exception, owner: 'bob', actor: { by: 'ann', note: null } });
    await tellAged(shop.ctx);
    assert.equal(await told('aged', exception), 1);
  });
});

describe('a difference that says another amount by now', () => {
  it('is not decided on by who has read the amount before', async () => {
    const exception = await found('ours_only', 'missing');
    const before = await suspense();
    await sql`update recon_exceptions set at_risk_fen = at_risk_fen + 1, our_fen = our_fen + 1 where id = ${exception.id}`.execute(world.ctx.db.kysely);
    await assert.rejects(suspendException(shop.ctx, exception, { by: 'ann', note: null }), refusedWith({ refused: 'recon_step_not_allowed' }));
    assert.deepEqual([(await current(exception)).state, await suspense()], [exception.state, before]);
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
    await assert.rejects(reopenException(shop.ctx, closed, { by: 'heliu', note: null }), refusedWith({ refused: 'parameter_invalid' }));
    assert.equal((await reopenException(shop.ctx, closed, { by: 'ann', note: null })).state, 'opened');
    assert.equal(await told('opened', exception), 2);
  });

  it('from suspense takes as many persons as it took there', async () => {
    const before = await suspense();
    const exception = await found('ours_only', 'missing', 200_000);
    await assert.rejects(suspendException(shop.ctx, exception, { by: 'ann', note: null }), refusedWith({ refused: 'recon_second_person_required' }));
    const suspended = await suspendException(shop.ctx, await current(exception), { by: 'bob', note: null });
    for (let nth = 0; nth < 2; nth++)
      await assert.rejects(
        async () => reopenException(shop.ctx, await current(suspended), { by: 'ann', note: null }),
        refusedWith({ refused: 'recon_second_person_required' }),
      );
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

describe('a difference about what is settled here', () => {
  /** The ctx of a node that may ask and nothing else. */
  const asking = (): PaymentsCtx => {
    const never = () => Promise.reject(new Error('only questions were to be asked'));
    return { ...shop.ctx, channels: { ...shop.ctx.channels, pay: never, refund: never, close: never, reverse: never } };
  };
  const lastNote = async (exception: ReconException) =>
    (await listSteps(shop.ctx, world.merchant.id, exception.id)).findLast(({ step }) => step === 'ask')?.note;
  const asked = async (exception: ReconException, by = 'ann') =>
    assert.rejects(world.flow(repairException(asking(), await current(exception), { by, note: null })), refusedWith({ refused: 'recon_repair_impossible' }));
  const dump = async (table: string, id: string | null) =>
    (await sql`select state, version from ${sql.table(table)} where id = ${id}`.execute(world.ctx.db.kysely)).rows;

  it('asks the channel about a payment and keeps its answer as evidence, whatever it is', async () => {
    const exception = await found('ours_only', 'missing', 1_234);
    const payment = () => dump('payments', exception.payment_id);
    const before = await payment();
    await asked(exception);
    assert.match((await lastNote(exception)) ?? '', new RegExp(`^payment: paid · 12\\.34 CNY · .* · ${exception.channel_transaction_id}$`));
    shop.inject({ kind: 'error_code', on: 'query', code: 'ORDER_NOT_EXIST' });
    await asked(exception);
    assert.equal(await lastNote(exception), 'payment: not_found');
    const now = await current(exception);
    assert.deepEqual([now.state, now.approvals, now.decision], ['approved', ['ann'], 'repair'], 'a person decides');
    assert.deepEqual(await payment(), before);
  });

  it('asks about a refund, and never sends it again', async () => {
    const biz_date = shop.today();
    const refund_no = await shop.refund(await shop.pay({ amount_fen: 2_000 }), 500);
    shop.plant('missing', refund_no);
    await shop.billDay(biz_date);
    const exception = await only('refund_ours_only', biz_date);
    const before = await dump('refunds', exception.object_id);
    await asked(exception);
    assert.match((await lastNote(exception)) ?? '', /^refund: succeeded · 5\.00 /);
    shop.inject({ kind: 'error_code', on: 'refund_query', code: 'RESOURCE_NOT_EXISTS' });
    await asked(exception);
    assert.equal(await lastNote(exception), 'refund: not_found');
    assert.deepEqual(await dump('refunds', exception.object_id), before);
  });
});

describe('the evidence of a line', () => {
  it('is what it says, also where nothing of ours stands beside it', async () => {
    const biz_date = shop.today();
    await shop.pay();
    shop.plant('extra', 'ORDER00000000000000000000EVIDENCE');
    await shop.billDay(biz_date);
    shop.plant('correct', 'ORDER00000000000000000000EVIDENCE');
    const orphan = await only('orphan', biz_date);
    const { bill_line, bill_at, bill_state, bill_amount_fen, bill_fee_millifen } = orphan.detail;
    assert.deepEqual([bill_line, bill_state, bill_amount_fen], [String(orphan.line), 'succeeded', String(orphan.bill_fen)]);
    assert.equal(bizDate(new Date(bill_at as string)), biz_date);
    assert.match(bill_fee_millifen as string, /^\d+$/);
    assert.ok(!Object.keys(orphan.detail).some((name) => name.startsWith('our_')));
  });

  it('has ours beside it, and stays what it was when the day is matched again', async () => {
    const exception = await found('duplicate_line', 'duplicate', 3_300);
    const { bill_amount_fen, our_state, our_amount_fen, our_transaction_id } = exception.detail;
    assert.deepEqual([bill_amount_fen, our_state, our_amount_fen, our_transaction_id], ['3300', 'succeeded', '3300', exception.channel_transaction_id]);
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(exception.biz_date)));
    assert.deepEqual(await current(exception), exception);
  });
});

describe('whose a difference is', () => {
  it('is said by a person, and acting on it takes it from nobody', async () => {
    const exception = await found('ours_only', 'missing', 200_000);
    const ann = { by: 'ann', note: 'his shop' };
    for (const owner of ['heliu', ' ', 'x'.repeat(65)])
      assert.throws(() => assignException(shop.ctx, { exception, owner, actor: ann }), refusedWith({ refused: 'parameter_invalid' }));
    const assigned = await assignException(shop.ctx, { exception, owner: ' bob ', actor: ann });
    assert.deepEqual([assigned.owner, assigned.state, assigned.version], ['bob', exception.state, exception.version + 1]);
    assert.equal((await listSteps(shop.ctx, world.merchant.id, exception.id)).at(-1)?.note, '→ bob: his shop');
    await assert.rejects(acceptException(shop.ctx, assigned, { by: 'ann', note: null }), refusedWith({ refused: 'recon_second_person_required' }));
    assert.equal((await current(exception)).owner, 'bob');
    const closed = await acceptException(shop.ctx, await current(exception), { by: 'eve', note: null });
    assert.deepEqual([closed.state, closed.owner], ['closed', 'bob']);
    await assert.rejects(assignException(shop.ctx, { exception: closed, owner: 'eve', actor: ann }), refusedWith({ refused: 'recon_step_not_allowed' }));
  });

  it('narrows a list, as age, amount, channel and days do', async () => {
    const [small, large] = [await found('ours_only', 'missing'), await found('ours_only', 'missing', 9_000)];
    await assignException(shop.ctx, { exception: large, owner: 'zoe', actor: { by: 'ann', note: null } });
    const list = async (filter: object) => {
      const rows = await listExceptions(shop.ctx, { merchant_id: world.merchant.id, kind: 'ours_only', limit: 1000, ...filter });
      return rows.map(({ id }) => id).filter((id) => id === small.id || id === large.id);
    };
    const both = [large.id, small.id];
    assert.deepEqual(await list({}), both);
    assert.deepEqual(await list({ owner: 'zoe' }), [large.id]);
    assert.deepEqual(await list({ owner: null }), [small.id]);
    assert.deepEqual(await list({ at_risk_from_fen: 9_000n }), [large.id]);
    assert.deepEqual(await list({ opened_before: large.opened_at }), [small.id]);
    assert.deepEqual([await list({ channel: 'wechatpay' }), await list({ channel: 'alipay' })], [both, []]);
    assert.deepEqual(await list({ from: small.biz_date, to: large.biz_date }), both);
    assert.deepEqual(await list({ from: large.biz_date }), [large.id]);
    assert.deepEqual(await list({ to: small.biz_date }), [small.id]);
    assert.deepEqual([await list({ livemode: false }), await list({ livemode: true })], [both, []]);
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
