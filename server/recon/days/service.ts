import { canonicalJson } from '../../kernel/digest.ts';
import { type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { BillDayRow, DayName, Imported, Progress } from '../bills/bill.ts';
import { type Fetched, fetchBill, findBillDay, getBill, type Upload, uploadBill } from '../bills/service.ts';
import type { Trx } from '../bills/store.ts';
import { repairAutomatically } from '../exceptions/service.ts';
import { dayFinding } from '../matching/classify.ts';
import { type Matched, matchDay, openDayException } from '../matching/service.ts';
import { billFee } from '../postings/draft.ts';
import { signStatement } from '../signing/service.ts';
import { changedSinceClosing } from './changes.ts';
import { asTexts, type DayPostings, type DayStatement, ledgerOff, leftOver, type Side } from './equation.ts';
import * as store from './store.ts';

type Account = Omit<DayName, 'kind'>;
const zero = 0n as Side['ours_fen'];

/** Looks again at a day whose bill is there: only another file, or what was left undone, is matched. */
export async function lookAgain(ctx: PaymentsCtx, day: DayName): Promise<void> {
  const before = await findBillDay(ctx, day);
  const fetched = await fetchBill(ctx, day);
  if (fetched.is === 'waiting' && fetched.refused && before) await tellMissing(ctx, before, fetched);
  const is_new = fetched.is === 'imported' && fetched.imported.is_new;
  if (is_new || before?.matched_at === null) await reconcileDay(ctx, day);
}

/** Fetches the bill of a day, and matches it when it is there. */
export async function takeDay(ctx: PaymentsCtx, day: DayName, by?: string, progress?: Progress): Promise<Fetched> {
  const fetched = await fetchBill(ctx, day, by, progress);
  const row = await findBillDay(ctx, day);
  if (row && fetched.is === 'waiting' && (fetched.due || fetched.refused)) await tellMissing(ctx, row, fetched);
  if (fetched.is !== 'waiting') await reconcileDay(ctx, day, progress);
  return fetched;
}

async function tellMissing(ctx: PaymentsCtx, row: BillDayRow, { problem, refused }: Extract<Fetched, { is: 'waiting' }>): Promise<void> {
  const { merchant_id, livemode, channel, channel_account_id, biz_date } = row;
  const kind = refused ? 'bill_refused' : 'missing_bill';
  await openDayException(ctx, { merchant_id, livemode, channel, channel_account_id, biz_date }, dayFinding(kind, row.kind, zero, { bill: row.kind, problem }));
}

/** Takes in a file that a person has, and matches the day. */
export async function uploadDay(ctx: PaymentsCtx, upload: Upload): Promise<Imported> {
  const imported = await uploadBill(ctx, upload);
  await reconcileDay(ctx, upload.day, upload.progress);
  return imported;
}

/** Matches a day and carries out the repairs that need nobody. A fund bill only adds to the day of its trade bill. */
export async function reconcileDay(
  ctx: PaymentsCtx,
  { merchant_id, channel_account_id, biz_date }: Account,
  progress?: Progress,
): Promise<Matched | undefined> {
  const trade = await findBillDay(ctx, { merchant_id, channel_account_id, biz_date, kind: 'trade' });
  if (!trade || trade.state === 'wanted') return undefined;
  const matched = await matchDay(ctx, { merchant_id, channel_account_id, biz_date }, progress);
  await repairAutomatically(ctx, { merchant_id, channel_account_id });
  return matched;
}

export type DayState = {
  readonly payments: Side;
  readonly refunds: Side;
  /** platform = bill + exceptions: nothing is left over on either side. */
  readonly balanced: boolean;
  readonly ledger: DayPostings;
  /** By how much the ledger differs from the platform, and its fee from the bill's. All zero: it says the same. */
  readonly ledger_off: LedgerOff;
  readonly exceptions: readonly { readonly kind: string; readonly open: bigint; readonly all: bigint }[];
};

export type LedgerOff = { readonly payments_fen: bigint; readonly refunds_fen: bigint; readonly fee_fen: bigint };

/** The equation of a day as it stands now. */
export async function weighDay(ctx: Ctx, day: Account): Promise<DayState> {
  const row = await findBillDay(ctx, { ...day, kind: 'trade' });
  if (!row?.matched_at) throw refused(day, 'recon_day_not_matched', 'biz_date');
  const bill = row.bill_id === null ? undefined : await getBill(ctx, day.merchant_id, row.bill_id);
  return await store.inWeighing(ctx, (trx) =>
    weighWith(trx, { ...day, livemode: row.livemode, bill_id: row.bill_id, fee_millifen: bill?.fee_millifen ?? null }),
  );
}

/** The same in a transaction that weighs more than this day. */
export async function weighWith(trx: Trx, day: store.Weighed & { readonly fee_millifen: bigint | null }): Promise<DayState> {
  const payments = await store.readSide(trx, day, 'payment');
  const refunds = await store.readSide(trx, day, 'refund');
  const ledger = await store.readDayPostings(trx, day);
  return {
    payments,
    refunds,
    ledger,
    balanced: leftOver(payments) === 0n && leftOver(refunds) === 0n,
    ledger_off: { payments_fen: ledgerOff(payments), refunds_fen: ledgerOff(refunds), fee_fen: billFee(day) - ledger.fee_fen },
    exceptions: await store.countExceptions(trx, day),
  };
}

/** Throws what keeps a day from being closed. */
export function requireClosable(day: Account, { balanced, exceptions, ledger_off }: DayState): void {
  if (!balanced) throw refused(day, 'recon_day_unbalanced');
  if (exceptions.some(({ open }) => open > 0n)) throw refused(day, 'recon_day_open');
  if (Object.values(ledger_off).some((off) => off !== 0n)) throw refused(day, 'recon_day_ledger_differs', undefined, asTexts(ledger_off));
}

/** Whoever closes the days of many accounts is told which one it is about. */
const refused = ({ channel_account_id }: Account, code: Refusal['refused'], param?: string, facts?: Refusal['facts']): RefusalError =>
  new RefusalError(refuse(code, param, { channel_account_id, ...facts }));

/**
 * 日结. Closed again where something came into the day since: what was signed stays, and a further version stands beside it.
 * Refused while an exception of the day is open, and always when platform, ledger and bill differ by what nothing
 * explains.
 */
export async function closeDay(ctx: Ctx, day: Account, by: string): Promise<store.ClosedRow> {
  const known = await store.findClosed(ctx, day);
  const weighed = await weighDay(ctx, day);
  requireClosable(day, weighed);
  const { payments, refunds, ledger, exceptions } = weighed;
  const row = await findBillDay(ctx, { ...day, kind: 'trade' });
  const bill = row?.bill_id ? await getBill(ctx, day.merchant_id, row.bill_id) : undefined;
  const now = ctx.clock.now();
  const statement: DayStatement = {
    version: versionOf(known) + 1,
    merchant_id: day.merchant_id,
    channel: row?.channel ?? '',
    channel_account_id: day.channel_account_id,
    biz_date: day.biz_date,
    bill_id: bill?.id ?? null,
    bill_sha256: bill?.sha256.toString('hex') ?? null,
    bill_source: bill?.source ?? null,
    payments: asTexts(payments),
    refunds: asTexts(refunds),
    fee_millifen: String(bill?.fee_millifen ?? 0n),
    ledger: asTexts(ledger),
    exceptions: Object.fromEntries(exceptions.map(({ kind, all }) => [kind, Number(all)])),
    closed_at: now.toISOString(),
    closed_by: by,
  };
  if (known && isSame(known.statement, statement) && !(await hasChanged(ctx, day))) return known;
  await store.writeClose(ctx, day, { statement, ...(await signStatement(ctx, day.merchant_id, statement)), by, now });
  const closed = await store.findClosed(ctx, day);
  // Somebody else was quicker with the same.
  if (closed && isSame(closed.statement, statement) && versionOf(closed) > versionOf(known)) return closed;
  // Something was found, or another bill came, between weighing and signing.
  throw refused(day, 'recon_day_open');
}

/** Statements of a time when a day was closed but once name no version. */
const versionOf = (closed: store.ClosedRow | undefined): number => (closed ? (closed.statement.version ?? 1) : 0);

/** Do both state the same of the day, whoever closed it and when? */
function isSame(one: DayStatement, other: DayStatement): boolean {
  const stated = ({ bill_id, payments, refunds, fee_millifen, ledger, exceptions }: DayStatement) =>
    canonicalJson({ bill_id, payments, refunds, fee_millifen, ledger, exceptions });
  return stated(one) === stated(other);
}

async function hasChanged(ctx: Ctx, { biz_date, ...account }: Account): Promise<boolean> {
  const [row] = await store.listDays(ctx, { ...account, kind: 'trade', from: biz_date, to: biz_date, limit: 1 });
  return row !== undefined && changedSinceClosing(row) !== undefined;
}

export const listDays = (ctx: Ctx, filter: store.DayFilter): Promise<readonly store.DayLine[]> => store.listDays(ctx, filter);
