import { previousDay } from '../channels/bill.ts';
import { channels } from '../channels/registry.ts';
import { newId } from '../kernel/id.ts';
import type { Fen } from '../kernel/money.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import { isDay } from '../ledger/day.ts';
import { postingId } from '../ledger/posting.ts';
import { checkReason, post, reversePostings } from '../ledger/service.ts';
import { findAccountById } from '../merchants/service.ts';
import type { PaymentsCtx } from '../payments/ctx.ts';
import type { Ctx } from '../platform/ctx.ts';
import { type Holder, holding, replaceFindings } from '../recon/findings/service.ts';
import type { Finding } from '../recon/matching/classify.ts';
import { dayFinding } from '../recon/matching/classify.ts';
import { arrivalsOf } from '../settlement/service.ts';
import { type BankCredit, creditDraft, sameMovement } from './credit.ts';
import { type Explained, explain, type OpenCredit, type Short } from './explain.ts';
import { type FileCredit, type Only, readStatement, StatementProblem } from './statement-file.ts';
import * as store from './store.ts';
import { explainWithdrawals } from './withdrawals.ts';

type Trx = Parameters<Parameters<typeof holding<unknown>>[2]>[0];

/** What one look found. */
export type Looked = { readonly matched: number; readonly opened: number; readonly settled: number };

export type FollowInput = {
  readonly since: string;
  readonly against?: store.Against;
  /** The merchant's bank account that the channel pays into, by any name: as it was, or unnamed, unless told. */
  readonly bank_account?: string | undefined;
  readonly by: string;
};

/**
 * Follows what the channel pays for the bills of a day and later. Credits are held against what days come to, unless the merchant
 * withdraws its money itself: then against its withdrawals. One or the other for ever, since matches are of one of them.
 */
export async function followAccount(ctx: Ctx, account: store.Account, { since, against = 'nets', bank_account, by }: FollowInput): Promise<store.Followed> {
  if (!isDay(since))
    throw new RefusalError(refuse('parameter_invalid', 'since', { expected: 'a day such as 2026-11-21', expected_zh: '如 2026-11-21 的日期' }));
  if (bank_account !== undefined && !/^[\p{L}\p{N}][\p{L}\p{N} ._*-]{0,63}$/u.test(bank_account))
    throw new RefusalError(refuse('parameter_invalid', 'bank_account', { expected: '1 to 64 letters and digits', expected_zh: '1 至 64 个文字或数字' }));
  const { livemode, channel } = await ownAccount(ctx, account);
  if (against === 'withdrawals' && !channels.get(channel)?.bills?.fund) throw new RefusalError(refuse('bill_not_published', 'against'));
  await store.follow(ctx.db.kysely, { ...account, livemode, channel, since, against, bank_account, followed_by: by }, ctx.clock.now());
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
  /** Only rows with this text in one of their cells. */
  readonly containing?: string | undefined;
  /** The last day that the statement is about; the day of its last credit unless told. */
  readonly through?: string | undefined;
  readonly by: string;
};

export type ImportedStatement = Looked & {
  readonly import_id: string;
  readonly credits: number;
  readonly fresh: number;
  /** Of days before the first one that is followed: neither kept nor posted. */
  readonly passed_over: number;
};

/**
 * Takes in a bank statement: all of its credits or none, each once however often it comes and for whichever channel account, and
 * looks at once what they are about. What is about days before
 * those that are followed is passed over.
 */
export async function importStatement(ctx: PaymentsCtx, { account, bytes, payer, containing, through, by }: ImportStatement): Promise<ImportedStatement> {
  const today = bizDate(ctx.clock.now());
  await ownAccount(ctx, account);
  const of = await followed(ctx, account);
  if (through !== undefined && !(isDay(through) && through <= today))
    throw new RefusalError(
      refuse('parameter_invalid', 'through', { expected: 'a day that is over, such as 2026-11-21', expected_zh: '已过去的日期，如 2026-11-21' }),
    );
  const read = readFile(bytes, { payer, containing });
  const future = read.find(({ received_on }) => received_on > today);
  if (future) throw problem(`line ${future.line}: ${future.received_on} is not over`);
  const expectedOn = await arrivalsOf(ctx, account.merchant_id, account.channel_account_id);
  const import_id = newId('bank_import', ctx.clock.now(), ctx.rng);
  const imported = await holding(ctx, of, async (trx) => {
    const now_of = (await store.findFollowed(trx, account)) ?? of;
    const followed_lines = read.filter(({ received_on }) => received_on >= now_of.since);
    const covered_through =
      through ??
      read
        .map(({ received_on }) => received_on)
        .toSorted()
        .at(-1) ??
      null;
    const { merchant_id, channel_account_id, livemode } = now_of;
    await store.insertImport(trx, { merchant_id, channel_account_id, livemode, id: import_id, covered_through, imported_by: by, created_at: ctx.clock.now() });
    const fresh = await takeIn(ctx, trx, now_of, followed_lines, { by, import_id });
    await store.coverThrough(trx, account);
    const { foreign, ...looked } = await look(ctx, trx, (await store.findFollowed(trx, account)) ?? now_of, expectedOn, fresh);
    const fresh_kept = fresh.length - foreign.size;
    return { import_id, ...looked, credits: read.length, fresh: fresh_kept, passed_over: read.length - followed_lines.length + foreign.size };
  });
  ctx.nudge('deliveries');
  return imported;
}

function readFile(bytes: Buffer, only: Only): readonly FileCredit[] {
  try {
    return readStatement(bytes, only);
  } catch (error) {
    throw error instanceof StatementProblem ? problem(error.message) : error;
  }
}

const problem = (reason: string): RefusalError => new RefusalError(refuse('bank_statement_refused', 'file', { reason }));

/** Gives those that were not there. A number of the bank that was there with another amount or day, or for another channel account, refuses all. */
async function takeIn(
  ctx: Ctx,
  trx: Trx,
  of: store.Followed,
  read: readonly FileCredit[],
  { by, import_id }: { readonly by: string; readonly import_id: string },
): Promise<readonly BankCredit[]> {
  const now = ctx.clock.now();
  const { merchant_id, livemode, channel, channel_account_id, bank_account } = of;
  await store.holdCredits(trx, of);
  const known = Map.groupBy(
    await store.readCredits(
      trx,
      of,
      read.map(({ reference }) => reference),
    ),
    ({ reference }) => reference,
  );
  const fresh: BankCredit[] = [];
  for (const { line, ...credit } of read) {
    const before = sameMovement(known.get(credit.reference) ?? [], credit, of);
    if (!before) {
      const id = newId('bank_credit', now, ctx.rng);
      fresh.push({
        ...credit,
        id,
        merchant_id,
        livemode,
        channel,
        channel_account_id,
        imported_by: by,
        created_at: now,
        match_id: null,
        bank_account,
        import_id,
        posting_id: null,
      });
    } else if (before.channel_account_id !== channel_account_id)
      throw problem(
        `line ${line}: ${credit.reference} was taken in for ${before.channel_account_id}, import ${before.import_id}, and one credit is of one channel account. ` +
          'Take in only the rows of this account (--containing), take that import back (bank undo), or, where they are two bank accounts, name both (bank follow --bank-account)',
      );
    else if (before.amount_fen !== credit.amount_fen || before.received_on !== credit.received_on)
      throw problem(`line ${line}: ${credit.reference} was taken in before with another amount or day`);
  }
  await store.insertCredits(trx, fresh);
  return fresh;
}

/** Takes an import back as a whole: its postings are undone by name, as if they had never been, and what its credits were about is open again. */
export async function undoImport(
  ctx: PaymentsCtx,
  account: store.Account,
  { import_id, by, reason }: { readonly import_id: string; readonly by: string; readonly reason: string },
): Promise<Looked & { readonly import_id: string; readonly credits: number }> {
  const now = ctx.clock.now();
  checkReason(reason);
  await ownAccount(ctx, account);
  const of = await followed(ctx, account);
  const expectedOn = await arrivalsOf(ctx, account.merchant_id, account.channel_account_id);
  const undone = await holding(ctx, of, async (trx) => {
    await store.holdCredits(trx, of);
    const credits = await store.undoImport(trx, { ...account, import_id, by, reason, now });
    if (!credits) throw new RefusalError(refuse('bank_import_not_found', 'import_id'));
    await store.coverThrough(trx, account);
    const { foreign: _, ...looked } = await look(ctx, trx, (await store.findFollowed(trx, account)) ?? of, expectedOn);
    const posting_ids = credits.flatMap(({ posting_id }) => posting_id ?? []);
    await reversePostings(trx, of, { posting_ids, reason, by, dated: 'original', now, rng: ctx.rng });
    return { import_id, ...looked, credits: credits.length };
  });
  ctx.nudge('deliveries');
  return undone;
}

/** Imports of an account, newest first, with those that were taken back. */
export async function listImports(ctx: Ctx, account: store.Account, limit = 60): Promise<readonly store.ListedImport[]> {
  await ownAccount(ctx, account);
  return await store.listImports(ctx.db.kysely, account, limit);
}

/** Holds an account's days against its credits again. What has not changed stays as it is. */
export async function lookAt(ctx: PaymentsCtx, account: store.Account): Promise<Looked> {
  const of = await followed(ctx, account);
  const expectedOn = await arrivalsOf(ctx, account.merchant_id, account.channel_account_id);
  const { foreign: _, ...looked } = await holding(ctx, of, (trx) => look(ctx, trx, of, expectedOn));
  if (looked.opened + looked.settled > 0) ctx.nudge('deliveries');
  return looked;
}

/** Whoever takes in statements does so within some days: what is not there after these is missing, with a statement or without. */
const covered_after_ms = 3 * 86_400_000;

type ExpectedOn = Awaited<ReturnType<typeof arrivalsOf>>;

/** With credits that were just written: of these, `foreign` came before the first day's money and adds up to nothing, so it is of days that are not followed, and forgotten. */
async function look(
  ctx: Ctx,
  trx: Trx,
  of: store.Followed,
  expectedOn: ExpectedOn,
  fresh: readonly BankCredit[] = [],
): Promise<Looked & { readonly foreign: ReadonlySet<string> }> {
  await store.refreshDays(trx, of);
  const open = await store.readOpen(trx, of);
  const through = laterOf(of.covered_through, bizDate(addMs(ctx.clock.now(), -covered_after_ms)));
  const dated = <Day extends { readonly biz_date: string }>(day: Day) => ({ ...day, expected_on: expectedOn(day.biz_date).date });
  const [days, unbilled] = [open.days.map(dated), open.unbilled.map((biz_date) => dated({ biz_date }))];
  // A withdrawal may be there on its own day, and is missing only once the terms of the account have passed.
  const explained =
    of.against === 'withdrawals'
      ? explainWithdrawals(days, open.credits, { since: of.since, through: lastExpectedBy(through, expectedOn), unbilled })
      : explain(days, open.credits, { since: of.since, through, unbilled });
  await store.writeMatches(trx, of, explained.matches);
  const first_expected_on = of.against === 'withdrawals' ? of.since : expectedOn(of.since).date;
  const early = new Set(fresh.flatMap(({ id, received_on }) => (received_on < first_expected_on ? [id] : [])));
  const foreign = new Set(explained.unexplained.flatMap(({ id }) => (early.has(id) ? [id] : [])));
  await store.dropCredits(trx, of.merchant_id, [...foreign]);
  const account: Holder = { merchant_id: of.merchant_id, livemode: of.livemode, channel: of.channel, channel_account_id: of.channel_account_id };
  const { unread_through } = open;
  const findings = [
    ...explained.short.map((short) => shortFinding(short, of.against, expectedOn)),
    ...explained.unexplained.filter(({ id }) => !foreign.has(id)).map(unexplainedFinding),
  ].filter(({ biz_date }) => unread_through === undefined || biz_date > unread_through);
  const { opened, settled } = await replaceFindings(ctx, trx, { account, kind: 'bank_short', findings, judged_after: unread_through });
  // The book comes last: whoever handles a difference takes them in this order.
  await bookCredits(ctx, trx, of, { open: open.credits, explained, unread_through });
  return { matched: explained.matches.length, opened, settled, foreign };
}

type Judged = { readonly open: readonly store.OpenCredit[]; readonly explained: Explained; readonly unread_through: string | undefined };

/**
 * Keeps in the book what credits have paid, and nothing else. A credit that is of open or of explained days is the channel's, which
 * owes that much less. What no bill explains has paid for nothing, whatever is decided about its exception, until a bill explains it:
 * its posting is undone as of its own day, and made again.
 */
async function bookCredits(ctx: Ctx, trx: Trx, of: store.Followed, { open, explained: { matches, unexplained }, unread_through }: Judged): Promise<void> {
  const now = ctx.clock.now();
  const { merchant_id } = of;
  const matched = new Set(matches.flatMap(({ credits }) => credits.map(({ id }) => id)));
  const nobodys = new Set(unexplained.map(({ id }) => id));
  // Of what was not read whole nothing can be said but what adds up.
  const judged = open.filter(({ id, received_on }) => matched.has(id) || unread_through === undefined || received_on > unread_through);
  const lost = judged.filter(({ id, posting_id }) => posting_id !== null && nobodys.has(id));
  const posting_ids = lost.flatMap(({ posting_id }) => posting_id ?? []);
  await reversePostings(trx, of, { posting_ids, reason: 'no bill explains it', dated: 'original', now, rng: ctx.rng });
  const due = judged.filter(({ id, posting_id }) => posting_id === null && !nobodys.has(id)).map(({ id }) => id);
  const booked = (await store.readCreditsById(trx, merchant_id, due)).map((credit) => ({ credit, source_id: newId('posting', now, ctx.rng) }));
  await post(
    trx,
    of,
    booked.map(({ credit, source_id }) => creditDraft(credit, source_id)),
  );
  await store.namePostings(trx, merchant_id, [
    ...lost.map(({ id }) => ({ id, posting_id: null })),
    ...booked.map(({ credit: { id }, source_id }) => ({ id, posting_id: postingId(source_id) })),
  ]);
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
