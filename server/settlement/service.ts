import { Readable } from 'node:stream';
import { type CreateStatementBody, createStatement as createStatementOperation, type Statement, type StatementFormat } from '@heliu/contract';
import { newId } from '../kernel/id.ts';
import { statement_link_ms, statements_preparing_max } from '../kernel/limits.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import { isDay } from '../ledger/day.ts';
import { showChannelAccount } from '../merchants/service.ts';
import { retrieveStore } from '../merchants/stores/service.ts';
import type { Caller } from '../platform/caller.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Call } from '../platform/http/bind.ts';
import { type FrozenReply, withReply } from '../platform/idempotency/idempotency.ts';
import { type Arrival, arrivalOf, type CalendarDay, calendarWith, default_terms, type Terms, terms_days_max, yearOf } from './arrival/arrival.ts';
import { checkPeriod } from './period.ts';
import * as store from './store.ts';
import { viewStatement } from './view.ts';

type Owner = Pick<Caller, 'merchant_id' | 'livemode'>;

/** Asks for a statement; a worker makes it. */
export async function createStatement({ ctx, ...call }: Call<typeof createStatementOperation>): Promise<FrozenReply> {
  const row = await newStatement(ctx, call.caller, call.body);
  return withReply({ ctx, ...call }, createStatementOperation.id, async (tx) => {
    if (!(await store.insertStatement(tx, row, statements_preparing_max))) throw new RefusalError(refuse('too_many_statements'));
    return { status: createStatementOperation.status, body: viewStatement(asRow(row)), object_id: row.id };
  });
}

/** The same for who has no call: the command line. */
export async function askStatement(ctx: Ctx, owner: Owner, body: CreateStatementBody): Promise<Statement> {
  const row = await newStatement(ctx, owner, body);
  const inserted = await ctx.db.kysely.transaction().execute((tx) => store.insertStatement(tx, row, statements_preparing_max));
  if (!inserted) throw new RefusalError(refuse('too_many_statements'));
  return viewStatement(asRow(row));
}

async function newStatement(ctx: Ctx, owner: Owner, { from, through, store_id }: CreateStatementBody): Promise<store.NewStatement> {
  const created_at = ctx.clock.now();
  const refused = checkPeriod({ from, through }, bizDate(created_at));
  if (refused) throw new RefusalError(refused);
  if (store_id !== undefined) await retrieveStore(ctx, owner, store_id);
  const { merchant_id, livemode } = owner;
  return {
    merchant_id,
    id: newId('statement', created_at, ctx.rng),
    livemode,
    period_from: from,
    period_through: through,
    store_id: store_id ?? null,
    created_at,
  };
}

const asRow = (row: store.NewStatement): store.StatementRow => ({
  ...row,
  state: 'preparing',
  run: null,
  up_to_no: null,
  provisional: null,
  open_days: null,
  lines: null,
  totals: null,
  files: [],
  manifest: null,
  signature: null,
  public_key: null,
  ready_at: null,
});

export const retrieveStatement = async (ctx: Ctx, owner: Owner, id: string): Promise<Statement> => viewStatement(await ownStatement(ctx, owner, id));

export async function listStatements(ctx: Ctx, owner: Owner, page: { readonly before_id: string | undefined; readonly limit: number }): Promise<Statement[]> {
  return (await store.listStatements(ctx, { merchant_id: owner.merchant_id, livemode: owner.livemode, ...page })).map(viewStatement);
}

async function ownStatement(ctx: Ctx, { merchant_id, livemode }: Owner, id: string): Promise<store.StatementRow> {
  const row = await store.findStatement(ctx.db.kysely, { merchant_id, id });
  if (row?.livemode !== livemode) throw new RefusalError(refuse('statement_not_found', 'statement_id'));
  return row;
}

/** What a link stands for; sealed, so that a link is its own permission and nothing has to be stored. */
type Sealed = Owner & { readonly id: string; readonly format: StatementFormat; readonly until: number };
const place = { table: 'statements', column: 'link', merchant_id: '', row: '' };

export type LinkInput = { readonly id: string; readonly format: StatementFormat; readonly expires_in_s?: number | undefined };

/** A link that opens one file for a while: a quarter of an hour unless told. */
export async function linkTo(ctx: Ctx, owner: Owner, { id, format, expires_in_s }: LinkInput): Promise<{ url: string; expires_at: string }> {
  await readyStatement(ctx, owner, id);
  const expires_at = addMs(ctx.clock.now(), expires_in_s === undefined ? statement_link_ms : expires_in_s * 1_000);
  const { merchant_id, livemode } = owner;
  const sealed: Sealed = { merchant_id, livemode, id, format, until: expires_at.getTime() };
  const token = ctx.vault.seal(JSON.stringify(sealed), place).toString('base64url');
  return { url: `${ctx.config.public_url}/c/statement?token=${token}`, expires_at: expires_at.toISOString() };
}

async function readyStatement(ctx: Ctx, owner: Owner, id: string): Promise<store.StatementRow & { readonly run: string }> {
  const row = await ownStatement(ctx, owner, id);
  if (row.state !== 'ready' || row.run === null) throw new RefusalError(refuse('statement_not_ready', 'statement_id'));
  return { ...row, run: row.run };
}

export type StatementFile = { readonly name: string; readonly type: string; readonly bytes: number; readonly body: Readable };

/** The file that a link stands for. A link that was changed or is over opens nothing. */
export async function openLink(ctx: Ctx, token: string): Promise<StatementFile> {
  const link = readLink(ctx, token);
  if (!link || link.until <= ctx.clock.now().getTime()) throw new RefusalError(refuse('route_unknown'));
  return await openFile(ctx, link, link.id, link.format);
}

function readLink(ctx: Ctx, token: string): Sealed | undefined {
  const bytes = Buffer.from(token, 'base64url');
  // A second spelling of the same bytes is not one that we gave.
  if (bytes.toString('base64url') !== token) return undefined;
  try {
    return JSON.parse(ctx.vault.open(bytes, place)) as Sealed;
  } catch {
    return undefined;
  }
}

const types: Readonly<Record<StatementFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

/** A file of a ready statement, read piece by piece as it is taken. */
export async function openFile(ctx: Ctx, owner: Owner, id: string, format: StatementFormat): Promise<StatementFile> {
  const row = await readyStatement(ctx, owner, id);
  const bytes = row.files.find((file) => file.format === format)?.bytes ?? 0;
  return {
    name: `statement-${row.period_from}-${row.period_through}-${id}.${format}`,
    type: types[format],
    bytes,
    body: Readable.from(chunksOf(ctx, row, format)),
  };
}

async function* chunksOf(ctx: Ctx, row: store.StatementRow & { readonly run: string }, format: StatementFormat): AsyncGenerator<Buffer> {
  for (let nth = 0; ; nth++) {
    const chunk = await store.readChunk(ctx, row, row.run, format, nth);
    if (!chunk) return;
    yield chunk;
  }
}

export type SetTermsInput = Owner & { readonly channel_account_id: string; readonly by?: string } & Terms;

/** Says when a channel account pays, as its contract has it. */
export async function setTerms(ctx: Ctx, { merchant_id, channel_account_id, days, counts, confirmed, by }: SetTermsInput): Promise<store.TermsRow> {
  if (!(Number.isInteger(days) && days >= 0 && days <= terms_days_max))
    throw new RefusalError(refuse('parameter_invalid', 'days', { expected: `0 to ${terms_days_max}`, expected_zh: `0 至 ${terms_days_max}` }));
  await showChannelAccount(ctx, { merchant_id, channel_account_id });
  const row = { merchant_id, channel_account_id, days, counts, confirmed, set_by: by ?? null };
  await store.writeTerms(ctx, row);
  return row;
}

/** Says of days whether channels work on them: all of them or, when one is no day, none. */
export async function setCalendarDays(ctx: Ctx, days: readonly CalendarDay[]): Promise<void> {
  for (const { date } of days) {
    if (!isDay(date))
      throw new RefusalError(refuse('parameter_invalid', 'date', { expected: 'a day such as 2027-02-06', expected_zh: '如 2027-02-06 的日期' }));
  }
  await store.writeCalendarDays(ctx, [...new Map(days.map((day) => [day.date, day])).values()]);
}

/** Every day of a year as it is counted now. */
export async function readYear(ctx: Ctx, year: string): Promise<readonly CalendarDay[]> {
  if (!/^20\d{2}$/.test(year)) throw new RefusalError(refuse('parameter_invalid', 'year', { expected: 'a year such as 2027', expected_zh: '如 2027 的年份' }));
  return yearOf(year, calendarWith(await store.readCalendar(ctx)));
}

/** A person has compared a year with what the State Council arranged: its days are certain as they are counted now. */
export async function confirmYear(ctx: Ctx, year: string): Promise<readonly CalendarDay[]> {
  const days = (await readYear(ctx, year)).map((day) => ({ ...day, confirmed: true }));
  await store.writeCalendarDays(ctx, days);
  return days;
}

/** When a channel account is expected to pay for a day, by its terms and the calendar. */
export async function arrivalsOf(ctx: Ctx, merchant_id: string, channel_account_id: string): Promise<(biz_date: string) => Arrival> {
  const calendar = calendarWith(await store.readCalendar(ctx));
  const terms = (await store.readTerms(ctx, merchant_id)).find((each) => each.channel_account_id === channel_account_id) ?? default_terms;
  return (biz_date) => arrivalOf(biz_date, terms, calendar);
}
