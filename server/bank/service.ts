import { previousDay } from '../channels/bill.ts';
import { channels } from '../channels/registry.ts';
import { newId } from '../kernel/id.ts';
import type { Fen } from '../kernel/money.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import { isDay } from '../ledger/day.ts';
import { post } from '../ledger/service.ts';
import { findAccountById } from '../merchants/service.ts';
import type { PaymentsCtx } from '../payments/ctx.ts';
import type { Ctx } from '../platform/ctx.ts';
import { type Holder, holding, replaceFindings } from '../recon/findings/service.ts';
import type { Finding } from '../recon/matching/classify.ts';
import { dayFinding } from '../recon/matching/service.ts';
import { arrivalsOf } from '../settlement/service.ts';
import { type BankCredit, creditDraft } from './credit.ts';
import { explain, type OpenCredit, type Short } from './explain.ts';
import { type FileCredit, readStatement, StatementProblem } from './statement-file.ts';
import * as store from './store.ts';
import { explainWithdrawals } from './withdrawals.ts';

type Trx = Parameters<Parameters<typeof holding<unknown>>[2]>[0];

/** What one look found. */
export type Looked = { readonly matched: number; readonly opened: number; readonly settled: number };

/**
 * Follows what the channel pays for the bills of a day and later. Credits are held against what days come to, unless the merchant
 * withdraws its money itself: then against its withdrawals. One or the other for ever, since matches are of one of them.
 */
export async function followAccount(ctx: Ctx, account: store.Account, since: string, against: store.Against = 'nets'): Promise<store.Followed> {
  if (!isDay(since))
    throw new RefusalError(refuse('parameter_invalid', 'since', { expected: 'a day such as 2026-11-21', expected_zh: '如 2026-11-21 的日期' }));
  const { livemode, channel } = await ownAccount(ctx, account);
  if (against === 'withdrawals' && !channels.get(channel)?.bills?.fund) throw new RefusalError(refuse('bill_not_published', 'against'));
  await store.follow(ctx.db.kysely, { ...account, livemode, channel, since, against }, ctx.clock.now());
  const of = await followed(ctx, account);
  if (of.against !== against)
    throw new RefusalError(refuse('parameter_invalid', 'against', { expected: `${of.against}, as before`, expected_zh: `仍为 ${of.against}` }));
  return of;
}

async function ownAccount(ctx: Ctx, { merchant_id, channel_account_id }: store.Account) {
  const account = await findAccountById(ctx, channel_account_id);
  if (account?.merchant_id !== merchant_id) throw new RefusalError(refuse('channel_account_not_found', 'channel_account_id'));
  return account;
}

async function followed(ctx: Ctx, account: store.Account): Promise<store.Followed> {
  const row = await store.findFollowed(ctx.db.kysely, account);
  if (!row) throw new RefusalError(refuse('bank_not_followed', 'channel_account_id'));
  return row;
}

export type ImportStatement = {
  readonly account: store.Account;
  readonly bytes: Buffer;
  /** Only what this payer paid: part of its name. */
  readonly payer?: string | undefined;
  /** The last day that the statement is about; the day of its last credit unless told. */
  readonly through?: string | undefined;
  readonly by: string;
};

export type ImportedStatement = Looked & { readonly credits: number; readonly fresh: number };

/**
 * Takes in a bank statement: all of its credits or none, each once however often it comes, and looks at once what they are about.
 * Every new credit is posted: what the channel paid it owes no more.
 */
export async function importStatement(ctx: PaymentsCtx, { account, bytes, payer, through, by }: ImportStatement): Promise<ImportedStatement> {
  const today = bizDate(ctx.clock.now());
  await ownAccount(ctx, account);
  const of = await followed(ctx, account);
  if (through !== undefined && !(isDay(through) && through <= today))
    throw new RefusalError(
      refuse('parameter_invalid', 'through', { expected: 'a day that is over, such as 2026-11-21', expected_zh: '已过去的日期，如 2026-11-21' }),
    );
  const read = readFile(bytes, payer);
  const future = read.find(({ received_on }) => received_on > today);
  if (future) throw problem(`line ${future.line}: ${future.received_on} is not over`);
  const expectedOn = await arrivalsOf(ctx, account.merchant_id, account.channel_account_id);
  const imported = await holding(ctx, of, async (trx) => {
    const fresh = await takeIn(ctx, trx, of, read, by);
    const last =
      through ??
      read
        .map(({ received_on }) => received_on)
        .toSorted()
        .at(-1);
    if (last !== undefined) await store.coverThrough(trx, account, last);
    const looked = await look(ctx, trx, (await store.findFollowed(trx, account)) ?? of, expectedOn);
    // The book comes last: whoever handles a difference takes them in this order.
    await post(trx, of, fresh.map(creditDraft));
    return { ...looked, credits: read.length, fresh: fresh.length };
  });
  ctx.nudge('deliveries');
  return imported;
}

function readFile(bytes: Buffer, payer: string | undefined): readonly FileCredit[] {
  try {
    return readStatement(bytes, { payer });
  } catch (error) {
    throw error instanceof StatementProblem ? problem(error.message) : error;
  }
}

const problem = (reason: string): RefusalError => new RefusalError(refuse('bank_statement_refused', 'file', { reason }));

/** Gives those that were not there. A number of the bank that was there with another amount or day refuses all of them. */
async function takeIn(ctx: Ctx, trx: Trx, of: store.Followed, read: readonly FileCredit[], by: string): Promise<readonly BankCredit[]> {
  const now = ctx.clock.now();
  const { merchant_id, livemode, channel, channel_account_id } = of;
  const credits = read.map(({ line: _, ...credit }): BankCredit => {
    const id = newId('bank_credit', now, ctx.rng);
    return { ...credit, id, merchant_id, livemode, channel, channel_account_id, imported_by: by, created_at: now, match_id: null };
  });
  const ids = new Set(credits.map(({ id }) => id));
  const known = new Map((await store.insertCredits(trx, of, credits)).map((credit) => [credit.reference, credit]));
  for (const { line, reference, amount_fen, received_on } of read) {
    const there = known.get(reference);
    if (there?.amount_fen !== amount_fen || there.received_on !== received_on)
      throw problem(`line ${line}: ${reference} was taken in before with another amount or day`);
  }
  return [...known.values()].filter(({ id }) => ids.has(id));
}

/** Holds an account's days against its credits again. What has not changed stays as it is. */
export async function lookAt(ctx: PaymentsCtx, account: store.Account): Promise<Looked> {
  const of = await followed(ctx, account);
  const expectedOn = await arrivalsOf(ctx, account.merchant_id, account.channel_account_id);
  const looked = await holding(ctx, of, (trx) => look(ctx, trx, of, expectedOn));
  if (looked.opened + looked.settled > 0) ctx.nudge('deliveries');
  return looked;
}

/** Whoever takes in statements does so within some days: what is not there after these is missing, with a statement or without. */
const covered_after_ms = 3 * 86_400_000;

type ExpectedOn = Awaited<ReturnType<typeof arrivalsOf>>;

async function look(ctx: Ctx, trx: Trx, of: store.Followed, expectedOn: ExpectedOn): Promise<Looked> {
  await store.refreshDays(trx, of);
  const open = await store.readOpen(trx, of);
  const through = laterOf(of.covered_through, bizDate(addMs(ctx.clock.now(), -covered_after_ms)));
  const dated = <Day extends { readonly biz_date: string }>(day: Day) => ({ ...day, expected_on: expectedOn(day.biz_date).date });
  const [days, unbilled] = [open.days.map(dated), open.unbilled.map((biz_date) => dated({ biz_date }))];
  // A withdrawal may be there on its own day, and is missing only once the terms of the account have passed.
  const explained =
    of.against === 'withdrawals'
      ? explainWithdrawals(days, open.credits, { first_expected_on: of.since, through: lastExpectedBy(through, expectedOn), unbilled })
      : explain(days, open.credits, { first_expected_on: expectedOn(of.since).date, through, unbilled });
  await store.writeMatches(trx, of, explained.matches);
  const account: Holder = { merchant_id: of.merchant_id, livemode: of.livemode, channel: of.channel, channel_account_id: of.channel_account_id };
  const findings = [...explained.short.map((short) => shortFinding(short, of.against, expectedOn)), ...explained.unexplained.map(unexplainedFinding)];
  const { opened, settled } = await replaceFindings(ctx, trx, { account, kind: 'bank_short', findings });
  return { matched: explained.matches.length, opened, settled };
}

const laterOf = (a: string | null, b: string): string => (a !== null && a > b ? a : b);

/** The last day whose money is expected by then. Terms are at the most two months, and holidays some days. */
function lastExpectedBy(through: string, expectedOn: ExpectedOn): string {
  let day = through;
  while (expectedOn(day).date > through) day = previousDay(day);
  return day;
}

type BankFinding = Finding & { readonly biz_date: string };

function shortFinding({ days, due_fen, credits, credited_fen }: Short, against: store.Against, expectedOn: ExpectedOn): BankFinding {
  const [first, last] = [days[0]?.biz_date ?? '', days.at(-1)?.biz_date ?? ''];
  const { date, confirmed } = expectedOn(last);
  return {
    ...dayFinding('bank_short', 'days', (due_fen - credited_fen) as Fen, {
      reason: credits.length === 0 ? 'missing' : 'short',
      ...(against === 'withdrawals' ? { against } : {}),
      from: first,
      through: last,
      expected_on: date,
      expected_confirmed: String(confirmed),
      references: credits
        .map(({ reference }) => reference)
        .join(' ')
        .slice(0, 400),
    }),
    biz_date: last,
    our_fen: due_fen as Fen,
    bill_fen: credited_fen as Fen,
  };
}

const unexplainedFinding = ({ id, reference, received_on, amount_fen }: OpenCredit): BankFinding => ({
  ...dayFinding('bank_short', id, amount_fen, { reason: 'unexplained', received_on, references: reference }),
  biz_date: received_on,
  bill_fen: amount_fen,
});

export const listCredits = (ctx: Ctx, page: store.CreditPage): Promise<readonly store.ListedCredit[]> => store.listCredits(ctx.db.kysely, page);
