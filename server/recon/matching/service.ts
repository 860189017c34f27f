import { roundMillifen } from '../../channels/bill.ts';
import { channels } from '../../channels/registry.ts';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { recon_batch_rows, recon_events_max, recon_fee_findings_max } from '../../kernel/limits.ts';
import { type Fen, toFen } from '../../kernel/money.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { findAccountById } from '../../merchants/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import type { DayName, Progress } from '../bills/bill.ts';
import { findBillDay, getBill } from '../bills/service.ts';
import type { Trx } from '../bills/store.ts';
import type { ReconException } from '../exceptions/exception.ts';
import { openedFrom, type Place, system } from '../exceptions/open.ts';
import * as exceptions from '../exceptions/store.ts';
import { viewException } from '../exceptions/view.ts';
import { agreedFee } from '../fees/service.ts';
import { readOddFees } from '../fees/store.ts';
import { postFee, undoSuspense } from '../postings/service.ts';
import { adjustmentsOf, day_ms, dayFinding, type Expectations, type Finding, judgeFee, judgeLine, judgeMissing } from './classify.ts';
import * as store from './store.ts';

/** What one matching did. */
export type Matched = { readonly opened: number; readonly settled: number; readonly ms: number };

type Matching = {
  readonly ctx: PaymentsCtx;
  readonly trx: Trx;
  readonly run: store.Run;
  readonly place: Place;
  readonly expected: Expectations;
  /** When the channel's day ends, after midnight. */
  readonly ends_ms: number;
  readonly opened: ReconException[];
  /** What was matched after all, also lines of other days. */
  readonly matched: store.MatchRow[];
  readonly count: { opened: number };
};

/**
 * Matches a day of an account with its bill: equal ones in two statements, what is left one by one, and what no bill has.
 * All of it or nothing; done again, it changes nothing that has not changed itself.
 */
export async function matchDay(ctx: PaymentsCtx, day: Omit<DayName, 'kind'>, progress?: Progress): Promise<Matched> {
  for (;;) {
    try {
      return await matchOnce(ctx, day, progress);
    } catch (error) {
      if (!(error instanceof BillChanged)) throw error;
    }
  }
}

/** Another bill became that of the day while it was matched: what was found is of no use. */
class BillChanged extends Error {}

async function matchOnce(
  ctx: PaymentsCtx,
  { merchant_id, channel_account_id, biz_date }: Omit<DayName, 'kind'>,
  progress: Progress | undefined,
): Promise<Matched> {
  const started_ms = ctx.clock.monotonic_ms();
  const day = await findBillDay(ctx, { merchant_id, channel_account_id, kind: 'trade', biz_date });
  if (!day || day.state === 'wanted') throw new RefusalError(refuse('recon_day_not_matched', 'biz_date'));
  const account = await findAccountById(ctx, channel_account_id);
  const channel = account && channels.get(account.channel);
  const declared = channel?.bills?.trade;
  assert(account && channel && declared, 'a bill day belongs to an account whose channel has bills');
  const bill = day.bill_id === null ? undefined : await getBill(ctx, merchant_id, day.bill_id);
  const receiver = channel.receiver(account.config);
  const run: store.Run = {
    merchant_id,
    merchant_code: account.merchant_code,
    channel_account_id,
    biz_date,
    bill_id: bill?.id ?? null,
    receiver,
    is_large: (bill?.lines ?? 0) > large_lines,
    has_many_refunds: (bill?.refund_count ?? 0) * refunds_share > (bill?.lines ?? 0),
    is_fresh: bill === undefined || (await store.isFresh(ctx, { merchant_id, bill_id: bill.id })),
  };
  const fee = await agreedFee(ctx, { merchant_id, channel_account_id });
  const expected = { biz_date, receiver, merchant_code: account.merchant_code, fee, fee_rounding: declared.fee_rounding };
  const place = { merchant_id, livemode: account.livemode, channel: account.channel, channel_account_id, biz_date };
  const result = await store.inMatching(ctx, run, async (trx) => {
    const matching: Matching = { ctx, trx, run, place, expected, ends_ms: declared.day_ends_ms ?? day_ms, opened: [], matched: [], count: { opened: 0 } };
    await exceptions.beginFound(trx);
    await store.dropSuperseded(trx, run);
    const steps = [...(bill ? of_bill : []), judgeAllMissing];
    for (const [done, step] of steps.entries()) {
      await step(matching);
      // Settling is the last one.
      progress?.matched(done + 1, steps.length + 1);
    }
    const settled = await settleAll(matching);
    progress?.matched(steps.length + 1, steps.length + 1);
    await undoSuspense(trx, ctx, place);
    await postFee(trx, ctx, place, bill);
    await store.noteLater(trx, run);
    if (!(await store.markMatched(trx, run, ctx.clock.now()))) throw new BillChanged();
    await tell(matching, 'recon_exception.opened', matching.opened);
    // What was closed before was told then.
    const closed = settled.filter(({ from_state }) => from_state !== 'closed').map(({ from_state: _, ...row }) => row);
    await tell(matching, 'recon_exception.closed', closed.slice(0, recon_events_max));
    return { opened: matching.count.opened, settled: settled.length };
  });
  ctx.nudge('deliveries');
  return { ...result, ms: ctx.clock.monotonic_ms() - started_ms };
}

/** What is done with a bill, one after the other. */
const of_bill: readonly ((matching: Matching) => Promise<void>)[] = [
  ({ trx, run }) => store.matchPayments(trx, run),
  ({ trx, run }) => store.matchRefunds(trx, run),
  (matching) => judgeLeftover(matching),
  (matching) => judgeFees(matching),
  (matching) => judgeReissue(matching),
  (matching) => judgeFund(matching),
  (matching) => judgeAdjustments(matching),
  (matching) => refresh(matching),
];

/** From this many lines on rows are joined by hash, whatever the statistics of the moment say. */
const large_lines = 20_000;
/** From one refund in so many lines on they are joined by hash. */
const refunds_share = 10;

async function judgeLeftover(matching: Matching): Promise<void> {
  const { trx, run, expected } = matching;
  if ((await store.gatherLeftover(trx, run)) === 0) return;
  for (let after = 0n; ; ) {
    const pairs = await store.readPairs(trx, run, after, recon_batch_rows);
    const last = pairs.at(-1);
    if (!last) return;
    after = last.n;
    const found: (Finding & { readonly biz_date: string })[] = [];
    const matches: store.MatchRow[] = [];
    const taken = new Set<string>();
    for (const { ours: json, n: _, repeated, biz_date, ...line } of pairs) {
      if (json?.taken === 'here') continue;
      // What is told apart by its amount alone belongs to one line: another one is about something else.
      const is_free = json && !(json.key === 'unique' && taken.has(json.object_id));
      const known = is_free ? { ...json, amount_fen: toFen(BigInt(json.amount_fen)), taken: json.taken !== null || taken.has(json.object_id) } : undefined;
      const verdict = judgeLine(line, known, { ...expected, biz_date }, repeated);
      if (verdict.is === 'finding') found.push({ ...verdict.finding, biz_date });
      if (verdict.is !== 'match' || !known) continue;
      taken.add(known.object_id);
      matches.push({ object_id: known.object_id, bill_id: line.bill_id, line: line.line, key: verdict.key });
    }
    await store.insertMatches(trx, run, matches);
    matching.matched.push(...matches);
    await write(matching, found);
  }
}

async function judgeFees(matching: Matching): Promise<void> {
  const { trx, run, expected } = matching;
  const options = { fee: expected.fee, rounding: expected.fee_rounding, limit: recon_fee_findings_max + 1 };
  const lines = await readOddFees(trx, run, options);
  const findings = lines.flatMap(({ matched_id, paid_fen, ...line }) => judgeFee(line, matched_id, paid_fen, expected) ?? []);
  if (lines.length <= recon_fee_findings_max) return write(matching, findings);
  const at_risk = findings.reduce((sum, { at_risk_fen }) => sum + at_risk_fen, 0n) as Fen;
  await write(matching, [
    dayFinding('fee_mismatch', `day ${run.bill_id}`, at_risk, { lines: `${recon_fee_findings_max}+`, reason: 'the agreed rate is not the one of this bill' }),
  ]);
}

async function judgeReissue(matching: Matching): Promise<void> {
  const changed = await store.readReissued(matching.trx, matching.run, recon_fee_findings_max);
  const text = (amount: bigint | null) => (amount === null ? 'absent' : String(amount));
  const findings = changed.map(({ bill_id, line, name, channel_order_no, channel_transaction_id, object_id, ...amounts }): Finding => {
    const { before_fen, after_fen, before_millifen, after_millifen } = amounts;
    const off = (after_fen ?? 0n) - (before_fen ?? 0n);
    const fee_off = (after_millifen ?? 0n) - (before_millifen ?? 0n);
    const fees = fee_off === 0n ? {} : { before_millifen: text(before_millifen), after_millifen: text(after_millifen) };
    const at_risk_fen = off === 0n ? roundMillifen(fee_off < 0n ? -fee_off : fee_off) : ((off < 0n ? -off : off) as Fen);
    return {
      ...dayFinding('reissued', `${bill_id} ${name}`, at_risk_fen, { before_fen: text(before_fen), after_fen: text(after_fen), ...fees }),
      bill_id,
      line,
      channel_order_no,
      channel_transaction_id,
      object_id,
    };
  });
  await write(matching, findings);
}

async function judgeFund(matching: Matching): Promise<void> {
  const fund = await store.readFund(matching.trx, matching.run);
  if (!fund) return;
  const off = fund.traded_fen - fund.moved_fen;
  const magnitude = (off < 0n ? -off : off) as Fen;
  const detail = { traded_fen: String(fund.traded_fen), moved_fen: String(fund.moved_fen) };
  await write(matching, [
    ...(off === 0n ? [] : [dayFinding('fund_mismatch', 'day', magnitude, detail)]),
    ...(fund.split_fen === 0n ? [] : [dayFinding('split_mismatch', 'day', fund.split_fen as Fen, { split_fen: String(fund.split_fen) })]),
  ]);
}

async function judgeAdjustments(matching: Matching): Promise<void> {
  const rows = await store.readAdjustments(matching.trx, matching.run);
  await write(
    matching,
    adjustmentsOf(rows).map((finding) => ({ ...finding, bill_id: matching.run.bill_id })),
  );
}

async function judgeAllMissing(matching: Matching): Promise<void> {
  const { trx, run, ends_ms } = matching;
  await store.gatherMissing(trx, run);
  for (let after = 0n; ; ) {
    const rows = await store.readMissing(trx, after, recon_batch_rows);
    const last = rows.at(-1);
    if (!last) return;
    after = last.n;
    // Rolled over once: what the next day's bill does not have either is missing.
    const findings = rows.map(({ own_date, next_matched, n: _, ...missing }) => ({
      ...judgeMissing(missing, own_date, { next_matched, ends_ms }),
      biz_date: own_date,
    }));
    await write(matching, findings);
  }
}

async function write(matching: Matching, findings: readonly (Finding & { readonly biz_date?: string })[]): Promise<void> {
  const { ctx, trx, place } = matching;
  const now = ctx.clock.now();
  for (let at = 0; at < findings.length; at += recon_batch_rows) {
    const rows = findings
      .slice(at, at + recon_batch_rows)
      .map(({ biz_date = place.biz_date, ...finding }) => openedFrom(finding, { ...place, biz_date }, { id: newId('recon_exception', now, ctx.rng), now }));
    const written = await exceptions.insertExceptions(trx, rows);
    await exceptions.noteFound(trx, rows);
    matching.count.opened += written.size;
    const room = recon_events_max - matching.opened.length;
    if (room > 0) matching.opened.push(...rows.filter(({ id }) => written.has(id)).slice(0, room));
  }
}

async function settleAll(matching: Matching): Promise<readonly exceptions.Settled[]> {
  const { ctx, trx, run, matched } = matching;
  const now = ctx.clock.now();
  const settled = await exceptions.readSettled(trx, run, matched);
  const rows = await exceptions.settle(trx, run.merchant_id, settled, { by: system, note: null, now });
  await refresh(matching);
  return rows;
}

/** What is found again counts and is told as what is found. */
async function refresh({ ctx, trx, run, opened, count }: Matching): Promise<void> {
  const again = await exceptions.refreshFound(trx, run, ctx.clock.now());
  count.opened += again.length;
  opened.push(...again.slice(0, Math.max(0, recon_events_max - opened.length)));
}

async function tell({ ctx, trx, run }: Matching, type: 'recon_exception.opened' | 'recon_exception.closed', rows: readonly ReconException[]): Promise<void> {
  const now = ctx.clock.now();
  const events = rows.map((row) => buildEvent({ id: newId('event', now, ctx.rng), type, livemode: row.livemode, created_at: now, data: viewException(row) }));
  await exceptions.insertEvents(trx, run.merchant_id, events);
}

/** Opens one exception about a day outside a matching: a bill that is missing or broken. */
export async function openDayException(ctx: PaymentsCtx, place: Place, finding: Finding): Promise<void> {
  const now = ctx.clock.now();
  const row = openedFrom(finding, place, { id: newId('recon_exception', now, ctx.rng), now });
  await ctx.db.kysely.transaction().execute(async (trx) => {
    const written = await exceptions.insertExceptions(trx, [row]);
    if (written.size === 0) return;
    const event = buildEvent({
      id: newId('event', now, ctx.rng),
      type: 'recon_exception.opened',
      livemode: row.livemode,
      created_at: now,
      data: viewException(row),
    });
    await exceptions.insertEvents(trx, row.merchant_id, [event]);
  });
  ctx.nudge('deliveries');
}
