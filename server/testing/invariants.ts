import { type Kysely, sql } from 'kysely';
import type { Simulator, TruePayment, TrueRefund } from '../channels/kit/simulator.ts';
import { channels } from '../channels/registry.ts';
import { channelNo } from '../kernel/id.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import { type Catalogue, readCatalogue } from '../verify/catalogue.ts';
import type { Rule } from '../verify/rule.ts';
import { rules, rulesNamed } from '../verify/rules.ts';
import { everything } from '../verify/scope.ts';

export { isAlone } from '../verify/rules/history.ts';

/** One broken rule and the rows that break it. */
export type Violation = { readonly invariant: string; readonly rows: readonly unknown[] };

/** Holds all rules that apply against one snapshot of the database. */
export const brokenAlways = (ctx: Ctx): Promise<Violation[]> => broken(ctx, at_any_time);
export const brokenWhenQuiet = (ctx: Ctx): Promise<Violation[]> => broken(ctx, when_quiet);

/** Whose row is whose: broken once, work may never come to rest, so it is looked at before that is waited for. */
export const brokenIsolation = (ctx: Ctx): Promise<Violation[]> => broken(ctx, isolation);
const isolation = rules.filter(({ area }) => area === 'isolation');

/** Nothing puts these right again once they are wrong, so they are looked at when a run is over. */
const lasting: readonly Rule['area'][] = ['isolation', 'security', 'replies', 'schema'];
const at_any_time = rules.filter((rule) => rule.class === 'S' && !lasting.includes(rule.area));
const when_quiet = rules.filter((rule) => rule.class !== 'D');

/**
 * Class S for whoever looks again and again: one statement says which rules are broken, and mostly none is. It takes a
 * quarter of the time of `brokenAlways`.
 */
export async function brokenNow(ctx: Pick<Ctx, 'db' | 'clock'>): Promise<Violation[]> {
  const scope = everything({ now: ctx.clock.now(), catalogue: no_catalogue });
  const looks = at_any_time.map(
    (rule) =>
      sql`(${sql.join(
        rule.queries(scope).map((query) => sql`exists (${query})`),
        sql` or `,
      )})`,
  );
  const { rows } = await sql<{ broken: boolean[] }>`select array[${sql.join(looks)}] as broken`.execute(ctx.db.kysely);
  const found = at_any_time.filter((_, at) => rows[0]?.broken[at]);
  return found.length === 0 ? [] : broken(ctx as Ctx, found);
}
/** The rules of the tables' own shape are among those that last. */
const no_catalogue: Catalogue = { keys: new Map(), foreign_keys: [], sealed: [] };

/** What holds of a day once its bills were taken in. */
export const brokenByDay = (ctx: Ctx): Promise<Violation[]> => broken(ctx, by_day);
const by_day = rules.filter((rule) => rule.area === 'reconciliation' && rule.class === 'D');

/** One invariant alone, for books that hold no more than what it is about. */
export const brokenOf = (ctx: Ctx, id: string): Promise<Violation[]> => broken(ctx, rulesNamed(id));

/** One statement for each query and no cursor: the books of a test are small, and it looks at them often. */
function broken(ctx: Ctx, held: readonly Rule[]): Promise<Violation[]> {
  return ctx.db.kysely
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx: Kysely<Tables>) => {
      const scope = everything({ now: ctx.clock.now(), catalogue: await readCatalogue(tx) });
      const found: Violation[] = [];
      for (const rule of held) {
        for (const query of rule.queries(scope)) {
          const { rows } = await query.execute(tx);
          if (rows.length > 0) found.push({ invariant: `${rule.id} ${rule.title.en}`, rows });
        }
      }
      return found;
    });
}

type AttemptRow = {
  readonly id: string;
  readonly number: string;
  readonly state: string;
  readonly disposition: string | null;
  readonly amount_fen: bigint;
  readonly channel_transaction_id: string | null;
  readonly channel: string;
  readonly created_at: Date;
  readonly kept: boolean | null;
};
type RefundRow = { readonly id: string; readonly number: string; readonly attempt_number: string; readonly amount_fen: bigint; readonly state: string };
type Truth = { readonly channel: string; readonly payments: readonly TruePayment[]; readonly refunds: readonly TrueRefund[] };
/** By the numbers that the gateways know. `stuck`: attempts with a refund that cannot be finished and that a person was told of. */
type Books = {
  readonly attempts: ReadonlyMap<string, AttemptRow>;
  readonly refunds: ReadonlyMap<string, RefundRow>;
  readonly stuck: ReadonlySet<string | null>;
};
/** A node follows the clock of its database as well as it can, and both are told in whole milliseconds. */
const clock_error_ms = 2;

type Tell = (invariant: string, ...rows: unknown[]) => void;

/** What we hold against what really happened at the gateways, which know nothing of us. Only when quiet. */
export async function brokenTruth(ctx: Ctx, simulators: ReadonlyMap<string, Simulator>): Promise<Violation[]> {
  const books = await ours(ctx);
  const found: Violation[] = [];
  const tell: Tell = (invariant, ...rows) => found.push({ invariant, rows });
  const truths = [...simulators].map(([channel, simulator]): Truth => ({ channel, ...simulator.truth() }));
  for (const truth of truths) {
    for (const payment of truth.payments) comparePayment(books, truth, payment, tell);
    for (const refund of truth.refunds) compareRefund(books, refund, tell);
    const numbers = truth.refunds.map(({ order_no, refund_no }) => `${order_no}/${refund_no}`);
    if (new Set(numbers).size !== numbers.length) tell('I-13 one refund number, two refunds', numbers);
  }
  compareBooks(books, truths, tell);
  for (const order of [...simulators.values()].flatMap((simulator) => simulator.orders())) {
    const attempt = books.attempts.get(order.order_no);
    if (!attempt || attempt.created_at.getTime() > order.created_at.getTime() + clock_error_ms)
      tell('I-09 the gateway knew an order before we did', order, attempt);
  }
  return found;
}

const sumOf = (refunds: readonly { readonly amount_fen: number | bigint }[]): number => refunds.reduce((sum, { amount_fen }) => sum + Number(amount_fen), 0);

function comparePayment(books: Books, truth: Truth, payment: TruePayment, tell: Tell): void {
  const { attempts, refunds, stuck } = books;
  const attempt = attempts.get(payment.order_no);
  if (!attempt) {
    tell('I-09 the gateway took money for an order that we never stored', payment);
    return;
  }
  const back = truth.refunds.filter(({ order_no, state }) => order_no === payment.order_no && state !== 'failed');
  if (sumOf(back) > payment.amount_fen) tell('I-12 more went back than came', payment, back);
  // Reversed before we heard of the money: the gateway gave all of it back at once.
  if (attempt.state === 'closed' && back.some((refund) => isReverse(books, refund))) return;
  if (attempt.state !== 'succeeded') {
    tell('I-02 I-03 money that we say never came', payment, attempt);
    return;
  }
  const same =
    Number(attempt.amount_fen) === payment.amount_fen && attempt.channel_transaction_id === payment.transaction_id && attempt.channel === truth.channel;
  if (!same) tell('I-01 a success that differs from the truth', payment, attempt);
  // What the gateway would not give back was shown to a person.
  const owed = attempt.disposition !== 'accepted' && !attempt.kept && !stuck.has(attempt.id);
  if (owed && sumOf(back) !== payment.amount_fen) tell('I-05 duplicate or late money that did not go back', payment, attempt, back);
  const told = [...refunds.values()].filter(({ attempt_number, state }) => attempt_number === attempt.number && state === 'succeeded');
  const done = back.filter(({ state }) => state === 'succeeded');
  if (sumOf(told) !== sumOf(done)) tell('I-12 what went back is not what we say went back', payment, { told, done });
}

/** What the gateway itself gave back when an order was reversed (撤销) has a number of its own making, and is always all of it. */
const isReverse = ({ attempts, refunds }: Books, { order_no, refund_no, amount_fen }: TrueRefund): boolean =>
  !refunds.has(refund_no) && refund_no.endsWith(order_no) && Number(attempts.get(order_no)?.amount_fen) === amount_fen;

function compareRefund(books: Books, refund: TrueRefund, tell: Tell): void {
  const own = books.refunds.get(refund.refund_no);
  if (!own) {
    if (!isReverse(books, refund)) tell('I-09 the gateway refunded what we never stored', refund);
    return;
  }
  if (own.attempt_number !== refund.order_no || Number(own.amount_fen) !== refund.amount_fen) tell('I-14 a refund of another order or amount', refund, own);
  if ((refund.state === 'succeeded') !== (own.state === 'succeeded')) tell('I-12 a refund that ended otherwise than we say', refund, own);
}

/** The other way round: nothing of ours that the gateways do not know. */
function compareBooks(books: Books, truths: readonly Truth[], tell: Tell): void {
  const paid = new Set(truths.flatMap(({ payments }) => payments.map(({ order_no }) => order_no)));
  const true_refunds = new Map(truths.flatMap(({ refunds }) => refunds.map((refund) => [refund.refund_no, refund] as const)));
  const reversed = new Set(truths.flatMap(({ refunds }) => refunds.filter((refund) => isReverse(books, refund)).map(({ order_no }) => order_no)));
  for (const attempt of books.attempts.values()) if (attempt.state === 'succeeded' && !paid.has(attempt.number)) tell('I-01 a success that never was', attempt);
  for (const refund of books.refunds.values()) {
    const truth = true_refunds.get(refund.number);
    if (refund.state === 'succeeded' && !truth && !reversed.has(refund.attempt_number)) tell('I-12 a refund that never was', refund);
    const is_open = refund.state === 'sending' || refund.state === 'pending';
    if (is_open && truth?.state !== 'failed') tell('I-12 a refund that is open for ever, and did not fail at the gateway', refund, truth);
  }
}

async function ours(ctx: Ctx): Promise<Books> {
  const { kysely } = ctx.db;
  const merchants = new Map((await kysely.selectFrom('merchants').selectAll().execute()).map((merchant) => [merchant.id, merchant]));
  const numberOf = ({ merchant_id, channel }: { readonly merchant_id: string; readonly channel: string | undefined }, id: string) => {
    const number = channelNo(merchants.get(merchant_id)?.code ?? '', id);
    return channels.get(channel ?? '')?.shortNo?.(number) ?? number;
  };
  const attempts = (await kysely.selectFrom('attempts').selectAll().execute()).map((row): AttemptRow => {
    return { ...row, number: numberOf(row, row.id) };
  });
  const taken_by = new Map(attempts.map(({ id, channel }) => [id, channel]));
  const refunds = (await kysely.selectFrom('refunds').selectAll().execute()).map((row): RefundRow => {
    const told = { merchant_id: row.merchant_id, channel: taken_by.get(row.attempt_id) };
    return { ...row, number: numberOf(told, row.id), attempt_number: numberOf(told, row.attempt_id) };
  });
  const anomalies = await kysely.selectFrom('anomalies').select('attempt_id').where('kind', '=', 'refund_stuck').execute();
  const stuck = new Set(anomalies.map(({ attempt_id }) => attempt_id));
  return { stuck, attempts: new Map(attempts.map((attempt) => [attempt.number, attempt])), refunds: new Map(refunds.map((refund) => [refund.number, refund])) };
}
