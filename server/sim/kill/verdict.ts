import { setTimeout } from 'node:timers/promises';
import type { Payment } from '@heliu/contract';
import { request } from 'undici';
import type { SimulatedOrder, Simulator, TruePayment, TrueRefund } from '../../channels/kit/simulator.ts';
import { channelNo } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { brokenTruth, brokenWhenQuiet } from '../../testing/invariants.ts';
import { type Held, type Journal, judge } from './journal.ts';
import type { Merchant } from './merchant.ts';
import type { Stage } from './stage.ts';

export type Found = { readonly invariant: string; readonly rows: readonly unknown[] };
export type Findings = {
  /** From the end of the last fault until nothing was open. */
  readonly rest_ms: number;
  readonly payments: number;
  readonly refunds: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly unresolved: readonly string[];
  /** Writes that were sent once more, and gave the same reply byte for byte. */
  readonly repeated: number;
  /** Everything that is not as it should be, the three above included. */
  readonly violations: readonly Found[];
};

export type Rest = {
  /** How long the books may take to come to rest. */
  readonly rest_ms_max: number;
  /** The merchant does not wait for leases and schedules, but does what it can itself. */
  readonly hurry: boolean;
  readonly tell: (line: string) => void;
};

/** So many writes are sent again; each costs a request. */
const repeats_max = 300;
const look_ms = 500;
/** The gateway has the machine's clock and Heliu the database's over a wire: what came later by so little may have come earlier. */
const clocks_apart_ms = 100;
const looks_per_line = 20;
const looks_per_hurry = 4;

/** Lets the tills finish, waits until nothing is open, and holds the books against the gateways' and the merchant's own. */
export async function findOut(stage: Stage, merchant: Merchant, journal: Journal, how: Rest): Promise<Findings> {
  const mended_ms = performance.now();
  await merchant.stop();
  const { ctx } = stage.books;
  const restless = async (): Promise<string | undefined> => {
    const broken = await brokenWhenQuiet(ctx);
    const untold = [...journal.paid].filter((id) => !stage.acknowledged.events.has(id)).length;
    if (broken.length === 0 && untold === 0) return undefined;
    return [...broken.map(({ invariant, rows }) => `${invariant}: ${rows.length}`), `paid and not told: ${untold}`].join('; ');
  };
  for (let looks = 1, open = await restless(); open !== undefined && performance.now() - mended_ms < how.rest_ms_max; looks++, open = await restless()) {
    if (looks % looks_per_line === 0) how.tell(`not at rest: ${open}`);
    if (how.hurry && looks % looks_per_hurry === 0) await merchant.hurry();
    await setTimeout(look_ms);
  }
  const rest_ms = performance.now() - mended_ms;

  const gateways = await readGateways(stage);
  const held = await readHeld(stage, gateways);
  const { lost, doubled } = judge(journal, held);
  const repeated = await repeatSome(merchant, journal, held);
  const found: Found[] = [...(await brokenWhenQuiet(ctx)), ...(await brokenTruth(ctx, gateways)), ...repeated.found];
  const tell = (invariant: string, rows: readonly unknown[]) => rows.length > 0 && found.push({ invariant, rows });
  tell('I-37 acknowledged and lost', lost);
  tell('I-04 I-24 done twice', doubled);
  tell('I-38 unresolved', journal.unresolved);
  tell('I-39 read and then gone', journal.stale);
  tell('an answer that no fault explains', journal.unexpected);
  tell('a process that ended by itself', stage.unexpected);
  tell(
    'I-49 closed as expired although no payment was old enough',
    await ctx.db.kysely.selectFrom('payments').select(['id', 'expires_at', 'closed_at']).where('closed_reason', '=', 'expired').execute(),
  );
  const { payments, refunds } = held;
  return {
    rest_ms,
    payments: payments.size,
    refunds: refunds.size,
    lost,
    doubled,
    unresolved: journal.unresolved,
    repeated: repeated.count,
    violations: found,
  };
}

type Gateway = Simulator;
type Wire<T> = { readonly [K in keyof T]: T[K] extends Date ? string : T[K] };

/** The gateways' journals, read over their own door. */
async function readGateways({ gateways_url }: Stage): Promise<ReadonlyMap<string, Gateway>> {
  const read = async <T>(path: string) => (await (await request(`${gateways_url}/control/${path}`)).body.json()) as Record<string, T>;
  const truth = await read<{ payments: readonly Wire<TruePayment>[]; refunds: readonly TrueRefund[] }>('truth');
  const orders = await read<readonly Wire<SimulatedOrder>[]>('orders');
  return new Map(
    Object.entries(truth).map(([channel, { payments, refunds }]) => {
      const books = {
        channel,
        truth: () => ({ payments: payments.map((payment) => ({ ...payment, paid_at: new Date(payment.paid_at) })), refunds }),
        orders: () => (orders[channel] ?? []).map((order) => ({ ...order, created_at: addMs(new Date(order.created_at), clocks_apart_ms) })),
      };
      return [channel, books as unknown as Gateway] as const;
    }),
  );
}

async function readHeld({ books, acknowledged }: Stage, gateways: ReadonlyMap<string, Gateway>): Promise<Held> {
  const { kysely } = books.ctx.db;
  const payments = await kysely.selectFrom('payments').select(['id', 'state', 'merchant_order_no', 'amount_fen']).execute();
  const refunds = await kysely.selectFrom('refunds').select(['id', 'state']).execute();
  const attempts = await kysely
    .selectFrom('attempts')
    .innerJoin('merchants', 'merchants.id', 'attempts.merchant_id')
    .select(['attempts.id', 'attempts.payment_id', 'merchants.code'])
    .execute();
  const payment_of = new Map(attempts.map(({ id, payment_id, code }) => [channelNo(code, id), payment_id]));
  const taken = new Map<string, number>();
  for (const { order_no } of [...gateways.values()].flatMap((gateway) => gateway.truth().payments)) {
    const id = payment_of.get(order_no) ?? order_no;
    taken.set(id, (taken.get(id) ?? 0) + 1);
  }
  return {
    payments: new Map(payments.map((payment) => [payment.id, { ...payment, amount_fen: Number(payment.amount_fen) }])),
    refunds: new Map(refunds.map((refund) => [refund.id, refund])),
    taken,
    told: acknowledged.events,
  };
}

/** I-36: the same key and request have the same reply; another request is refused. I-38: what was read stays. */
async function repeatSome(merchant: Merchant, { acknowledged }: Journal, { payments }: Held): Promise<{ readonly count: number; readonly found: Found[] }> {
  const step = Math.max(1, Math.floor(acknowledged.length / repeats_max));
  const some = acknowledged.filter((_, at) => at % step === 0);
  const differing: unknown[] = [];
  const misused: unknown[] = [];
  const flipped: unknown[] = [];
  for (const write of some) {
    const answer = await merchant.repeat(write);
    if (answer.status !== write.status || answer.text !== write.text) differing.push({ write, answer });
    if (write.what !== 'create') continue;
    const status = await merchant.misuse(write);
    if (status !== 409) misused.push({ key: write.key, status });
    const payment: Payment = await merchant.retrieve(write.id);
    if (payment.state !== payments.get(write.id)?.state) flipped.push({ id: write.id, was: payments.get(write.id)?.state, is: payment.state });
  }
  const all: Found[] = [
    { invariant: 'I-36 the same request had another reply', rows: differing },
    { invariant: 'I-36 a key did for another request', rows: misused },
    { invariant: 'I-38 a truth that flipped', rows: flipped },
  ];
  return { count: some.length, found: all.filter(({ rows }) => rows.length > 0) };
}
