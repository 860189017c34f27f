import { type Bill, BillProblem, bill_kinds, dayStart, previousDay } from '../../channels/bill.ts';
import { type BillRead, readBill } from '../../channels/bill-file.ts';
import type { Account } from '../../channels/define.ts';
import { channels } from '../../channels/registry.ts';
import { assert } from '../../kernel/assert.ts';
import { sha256 } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { bill_bytes_max, bill_pieces_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import { findAccountById } from '../../merchants/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import { samePerson } from '../exceptions/exception.ts';
import { system } from '../exceptions/open.ts';
import {
  type BillDayRow,
  type BillRow,
  closed_days_max,
  type DayName,
  fetch_days_max,
  type Imported,
  missing_after_ms,
  nextLook,
  objectOf,
  outage_days_max,
  type Progress,
  totalsOf,
} from './bill.ts';
import * as store from './store.ts';

/**
 * Makes the rows of all days up to yesterday for every account whose channel publishes bills. How far that was done is kept
 * for each, so that no day is passed over, and an account that has all of its days costs a look.
 */
export async function openBillDays(ctx: Ctx): Promise<void> {
  const now = ctx.clock.now();
  const published = [...channels.values()].flatMap((channel) =>
    bill_kinds.flatMap((kind) => {
      const bill = channel.bills?.[kind];
      return bill ? [{ channel: channel.code, kind, after_ms: bill.published_after_ms }] : [];
    }),
  );
  const last = previousDay(bizDate(now));
  const daysBefore = (days: number) => bizDate(addMs(dayStart(last), -days * 86_400_000));
  await store.openDays(ctx, published, {
    last,
    begins: daysBefore(fetch_days_max),
    earliest: daysBefore(outage_days_max),
    closed_after: addMs(now, -closed_days_max * 86_400_000),
    now,
  });
}

/** What became of one look for a bill. `due` says that it should have been there by now. */
export type Fetched =
  | { readonly is: 'imported'; readonly imported: Imported }
  | { readonly is: 'empty' }
  | { readonly is: 'waiting'; readonly problem: string; readonly due: boolean; readonly refused: BillRow | undefined };

/** Asks the channel for the bill of a day and takes it in. */
export async function fetchBill(ctx: PaymentsCtx, day: DayName, by = 'heliu', progress?: Progress): Promise<Fetched> {
  const { account, bill } = await declared(ctx, day);
  const published_at = addMs(dayStart(day.biz_date), bill.published_after_ms);
  // What is there already, or is known to be none, stays so whatever the channel says now, unless it gives another file.
  const is_settled = ((await store.findDay(ctx, day))?.state ?? 'wanted') !== 'wanted';
  const next = () => (bill.asks_again ? nextLook(published_at, ctx.clock.now()) : null);
  const due = ctx.clock.now() >= addMs(published_at, missing_after_ms);
  const wait = async (problem: string, refused?: BillRow): Promise<Fetched> => {
    if (is_settled) {
      await store.scheduleLook(ctx, day, next());
      return { is: 'waiting', problem, due: false, refused };
    }
    const too_old = ctx.clock.now() >= addMs(published_at, fetch_days_max * 86_400_000);
    await store.noteDay(ctx, day, too_old ? { problem: `asked for no more after ${fetch_days_max} days: ${problem}`, next: null } : { problem });
    return { is: 'waiting', problem, due, refused };
  };
  const answer = await ctx.channels.bill(account, day);
  switch (answer.is) {
    case 'empty':
      if (is_settled) return wait('empty');
      await store.noteDay(ctx, day, { state: 'empty', problem: null, next: null });
      return { is: 'empty' };
    case 'not_ready':
      return wait('not_ready');
    case 'refused':
      // A kind of bill that the account does not have is none.
      if (answer.reason === 'method_not_enabled') {
        await store.noteDay(ctx, day, { state: 'empty', problem: answer.channel_code, next: null });
        return { is: 'empty' };
      }
      return wait(`refused ${answer.channel_code}`);
    case 'unknown':
      return wait(`unknown ${answer.cause}`);
    case 'file': {
      const imported = await importFile(ctx, { account, bill, day, bytes: answer.bytes, digest: answer.digest, source: 'download', by, progress });
      if (imported.bill.state === 'current') await store.scheduleLook(ctx, day, next());
      return imported.bill.state === 'refused' ? wait(`bill_refused: ${imported.bill.problem}`, imported.bill) : { is: 'imported', imported };
    }
  }
}

/** A file that a person has. `replace`: also in the place of the bill that the channel itself gave. */
export type Upload = { readonly day: DayName; readonly bytes: Buffer; readonly by: string; readonly replace?: boolean; readonly progress?: Progress };

/**
 * Takes in a file that a person has. Throws `bill_refused` with line and reason when it is broken, and
 * `bill_given_by_channel` where the channel gave another one itself and nobody said that it is to be replaced.
 */
export async function uploadBill(ctx: Ctx, { day, bytes, by, replace = false, progress }: Upload): Promise<Imported> {
  const { account, bill } = await declared(ctx, day);
  if (replace && (by.trim() === '' || samePerson(by, system)))
    throw new RefusalError(refuse('parameter_invalid', 'by', { expected: 'the name of a person', expected_zh: '具名人员' }));
  if (bytes.length > bill_bytes_max) throw new RefusalError(refuse('bill_refused', 'file', { reason: `more than ${bill_bytes_max} bytes` }));
  const given = await store.findGiven(ctx, day);
  const is_other = given !== undefined && !given.sha256.equals(sha256(bytes));
  if (is_other && !replace) throw new RefusalError(refuse('bill_given_by_channel', 'file', { bill_id: given.id }));
  const replaces_id = is_other ? given.id : null;
  const imported = await importFile(ctx, { account, bill, day, bytes, digest: undefined, source: 'upload', by, replaces_id, progress });
  // The channel's own is looked for all the same, also where it gives each file but once: it has given none yet.
  const next = bill.asks_again || !given ? nextLook(addMs(dayStart(day.biz_date), bill.published_after_ms), ctx.clock.now()) : null;
  if (imported.bill.state === 'current') await store.scheduleLook(ctx, day, next);
  if (replaces_id) ctx.log.warn({ bill_id: imported.bill.id, channel_account_id: day.channel_account_id }, 'a bill that the channel gave was replaced by hand');
  const { state, problem, problem_line } = imported.bill;
  if (state === 'refused') {
    throw new RefusalError(refuse('bill_refused', 'file', { reason: problem_line === null ? `${problem}` : `line ${problem_line}: ${problem}` }));
  }
  return imported;
}

async function declared(ctx: Ctx, { merchant_id, channel_account_id, kind }: DayName): Promise<{ account: Account; bill: Bill<unknown> }> {
  const account = await findAccountById(ctx, channel_account_id);
  if (!account || account.merchant_id !== merchant_id) throw new RefusalError(refuse('channel_account_not_found', 'channel_account_id'));
  const bill = channels.get(account.channel)?.bills?.[kind];
  if (!bill) throw new RefusalError(refuse('bill_not_published', 'kind'));
  return { account, bill };
}

type Import = {
  readonly account: Account;
  readonly bill: Bill<unknown>;
  readonly day: DayName;
  readonly bytes: Buffer;
  readonly digest: Parameters<typeof readBill>[0]['file']['digest'];
  readonly source: BillRow['source'];
  readonly by: string;
  readonly replaces_id?: string | null;
  readonly progress: Progress | undefined;
};

/** The original is kept before it is read; a file that was taken in before changes nothing. */
async function importFile(ctx: Ctx, input: Import): Promise<Imported> {
  const { account, day, bytes, source, by, replaces_id = null } = input;
  const now = ctx.clock.now();
  const content = sha256(bytes);
  await store.ensureDay(ctx, day, { livemode: account.livemode, channel: account.channel, now });
  const known = await settledBill(ctx, day, content);
  if (known?.state === 'current' || known?.state === 'superseded') return knownFile(ctx, known, input);
  if (!known) await keepFile(ctx, day.merchant_id, content, bytes);
  const fresh = {
    ...day,
    id: newId('bill', now, ctx.rng),
    livemode: account.livemode,
    channel: account.channel,
    source,
    replaces_id,
    sha256: content,
    bytes: BigInt(bytes.length),
    imported_by: by,
    created_at: now,
  };
  const row = known ? await store.takeOver(ctx, known, { source, by, replaces_id, now }) : await store.insertBill(ctx, fresh).catch(whereTaken);
  // Another has just begun with the same file: its result is the one that both want.
  if (row === undefined || !(await takeIn(ctx, row, input))) {
    await ctx.clock.sleep(reading_poll_ms);
    return importFile(ctx, input);
  }
  const bill = await store.findBill(ctx, row.merchant_id, row.id);
  assert(bill, 'a bill stays');
  return { bill, is_new: bill.state === 'current' };
}

/** A file that was read before. What the channel itself gives is its word, whoever brought it first and whatever was brought since. */
async function knownFile(ctx: Ctx, known: BillRow, { source, by, replaces_id = null }: Import): Promise<Imported> {
  if (source !== 'download' && replaces_id === null) return { bill: known, is_new: false };
  if (source === 'download' && known.source === 'upload') await store.confirmBill(ctx, known, by);
  if (replaces_id) await store.nameReplacer(ctx, known, { by, replaces_id });
  if (known.state === 'superseded') await store.restoreBill(ctx, { ...known, source, replaces_id });
  const bill = await store.findBill(ctx, known.merchant_id, known.id);
  assert(bill, 'a bill stays');
  return { bill, is_new: known.state === 'superseded' };
}

/** Reads the file into the row, or refuses it. False when another has taken it over meanwhile. */
async function takeIn(ctx: Ctx, row: BillRow, input: Import): Promise<boolean> {
  try {
    return await writeLines(ctx, row, input);
  } catch (error) {
    // The channel gave its own while this one was read.
    const problem = violatedConstraint(error) === 'bills_current' ? new BillProblem('the channel itself has given the bill of this day') : error;
    if (!(problem instanceof BillProblem)) throw error;
    await store.refuseBill(ctx, row, problem.reason.slice(0, 200), problem.line);
    ctx.log.warn({ bill_id: row.id, channel_account_id: row.channel_account_id, line: problem.line }, 'a bill was refused');
    return true;
  }
}

/** Undefined where the file, or the version, was taken in between. */
function whereTaken(error: unknown): undefined {
  const violated = violatedConstraint(error);
  if (violated !== 'bills_content' && violated !== 'bills_version') throw error;
  return undefined;
}

/** A file that is being read for longer than this was left behind by a node that died. */
const reading_ms_max = 10 * 60_000;
const reading_poll_ms = 250;

/** What is known of a file, once nobody is reading it any more. */
async function settledBill(ctx: Ctx, day: DayName, content: Buffer): Promise<BillRow | undefined> {
  for (;;) {
    const known = await store.findByContent(ctx, day, content);
    if (known?.state !== 'reading' || addMs(known.created_at, reading_ms_max) < ctx.clock.now()) return known;
    await ctx.clock.sleep(reading_poll_ms);
  }
}

function writeLines(ctx: Ctx, row: BillRow, { account, bill, bytes, digest, progress }: Import): Promise<boolean> {
  const reading = readBill({ bill, subject: { config: account.config, biz_date: row.biz_date }, file: { bytes, digest } });
  let read: BillRead | undefined;
  let lines = 0;
  async function* batches(): AsyncGenerator<readonly store.LineRow[]> {
    for (;;) {
      const step = await reading.next();
      if (step.done) {
        read = step.value;
        return;
      }
      yield step.value.map((line) => ({ line, object_id: objectOf(line, account) }));
      lines += step.value.length;
      progress?.read(lines);
    }
  }
  const whole = () => {
    assert(read, 'a file that was read to its end has totals');
    return { totals: totalsOf(read.totals), adjustments: read.adjustments };
  };
  return store.writeBill(ctx, row, { batches: batches(), whole });
}

const piece_bytes = 1024 * 1024;
const placeOf = (merchant_id: string, content: Buffer, piece: number) => ({
  table: 'bill_files',
  column: 'sealed',
  merchant_id,
  row: `${content.toString('hex')}/${piece}`,
});

async function keepFile(ctx: Ctx, merchant_id: string, content: Buffer, bytes: Buffer): Promise<void> {
  for (let piece = 0; piece * piece_bytes < bytes.length; piece++) {
    const sealed = ctx.vault.seal(bytes.subarray(piece * piece_bytes, (piece + 1) * piece_bytes), placeOf(merchant_id, content, piece));
    await store.insertPiece(ctx, { merchant_id, sha256: content, piece, sealed, now: ctx.clock.now() });
  }
}

/** The file of a bill, byte for byte as it came. */
export async function openFile(ctx: Ctx, bill: BillRow): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece = 0; piece < bill_pieces_max; piece++) {
    const sealed = await store.findPiece(ctx, bill.merchant_id, bill.sha256, piece);
    if (!sealed) break;
    pieces.push(ctx.vault.openBytes(sealed, placeOf(bill.merchant_id, bill.sha256, piece)));
  }
  const bytes = Buffer.concat(pieces);
  assert(sha256(bytes).equals(bill.sha256), 'a kept bill is the one that was taken in');
  return bytes;
}

export async function getBill(ctx: Ctx, merchant_id: string, id: string): Promise<BillRow> {
  const bill = await store.findBill(ctx, merchant_id, id);
  if (!bill) throw new RefusalError(refuse('bill_not_found', 'bill_id'));
  return bill;
}

export const listDayBills = (ctx: Ctx, day: DayName): Promise<readonly BillRow[]> => store.listBills(ctx, day);
export const findBillDay = (ctx: Ctx, day: DayName): Promise<BillDayRow | undefined> => store.findDay(ctx, day);
