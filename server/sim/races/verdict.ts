import type { Payment } from '@heliu/contract';
import { channelNo } from '../../kernel/id.ts';
import { brokenTruth, brokenWhenQuiet } from '../../testing/invariants.ts';
import type { Arena } from './arena.ts';
import type { Outcome } from './commands.ts';
import type { Scene } from './scene.ts';

/** A rule that does not hold, with what shows it. */
export type Problem = { readonly rule: string; readonly rows: readonly unknown[] };

/** All that must be true of the database and against the gateways' own books, whatever ran before. Everything has come to rest. */
export async function verdict(arena: Arena): Promise<Problem[]> {
  const broken = [...(await brokenWhenQuiet(arena.ctx)), ...(await brokenTruth(arena.ctx, arena.simulators))];
  return broken.map(({ invariant, rows }) => ({ rule: invariant, rows }));
}

/** I-37: money that was told and acknowledged is written down at once, not only when somebody asks again. */
export async function unkeptMessages({ arena, owner, payment_id, paid, tries }: Scene, outcomes: readonly Outcome[]): Promise<Problem[]> {
  const acknowledged = outcomes.flatMap(({ taken }) => (taken && paid.includes(taken) ? [taken] : []));
  if (acknowledged.length === 0 || payment_id === undefined) return [];
  const { kysely } = arena.ctx.db;
  const attempts = await kysely
    .selectFrom('attempts')
    .select(['id', 'channel', 'state'])
    .where('merchant_id', '=', owner.merchant.id)
    .where('payment_id', '=', payment_id)
    .execute();
  const kept = new Set(attempts.filter(({ state }) => state === 'succeeded').map(({ id }) => channelNo(owner.merchant.code, id)));
  const missing = acknowledged.filter(({ channel }) => !tries.some((each) => each.channel === channel && kept.has(each.order_no)));
  return missing.length === 0 ? [] : [{ rule: 'I-37 an acknowledged message is kept', rows: attempts }];
}

/** What a payment has come to, in words that two schedules can share. */
type FinalState = {
  readonly text: string;
  readonly payments: readonly { readonly id: string; readonly state: string; readonly closed_reason: string | null }[];
  readonly refunds: readonly { readonly id: string; readonly merchant_refund_no: string | null; readonly state: string }[];
  /** What the gateways still have of the payers' money. */
  readonly kept_fen: number;
  /** … of what was taken beside the accepted money. */
  readonly duplicates_kept_fen: number;
};

export async function finalState({ arena, owner, order_no }: Scene): Promise<FinalState> {
  const { kysely } = arena.ctx.db;
  const { id: merchant_id, code } = owner.merchant;
  const payments = await kysely
    .selectFrom('payments')
    .select(['id', 'state', 'closed_reason'])
    .where('merchant_id', '=', merchant_id)
    .where('merchant_order_no', '=', order_no)
    .execute();
  const payment_id = payments[0]?.id ?? '';
  const of = { merchant_id, payment_id };
  const [attempts, refunds, anomalies] = await Promise.all([
    kysely
      .selectFrom('attempts')
      .select(['id', 'channel', 'state', 'disposition'])
      .where((by) => by.and(of))
      .orderBy('id')
      .execute(),
    kysely
      .selectFrom('refunds')
      .select(['id', 'merchant_refund_no', 'cause', 'amount_fen', 'state'])
      .where((by) => by.and(of))
      .execute(),
    kysely
      .selectFrom('anomalies')
      .select('kind')
      .where((by) => by.and(of))
      .execute(),
  ]);
  const events = await kysely
    .selectFrom('events')
    .select('type')
    .where('merchant_id', '=', merchant_id)
    .where('object_id', 'in', [payment_id, ...refunds.map(({ id }) => id)])
    .execute();
  const numbers = new Map(attempts.map(({ id, disposition }) => [channelNo(code, id), disposition]));
  const kept = keptOf(arena, [...numbers.keys()]);
  const duplicates = [...numbers].filter(([, disposition]) => disposition === 'duplicate').map(([number]) => number);
  const words = [
    payments.map(({ state, closed_reason }) => `${state} ${closed_reason ?? ''}`.trim()).join(' and '),
    attempts.map(({ channel, state, disposition }) => `${channel} ${state} ${disposition ?? ''}`.trim()).join(', '),
    sorted(refunds.map(({ cause, amount_fen, state }) => `${cause} ${amount_fen} ${state}`)),
    sorted(anomalies.map(({ kind }) => kind)),
    sorted(events.map(({ type }) => type)),
    String(kept),
  ];
  return { text: words.join(' | '), payments, refunds, kept_fen: kept, duplicates_kept_fen: keptOf(arena, duplicates) };
}

const sorted = (words: readonly string[]): string => words.toSorted().join(', ');

/** Money that came for these orders and did not go back, by the gateways' own books. */
function keptOf({ simulators }: Arena, order_nos: readonly string[]): number {
  let sum = 0;
  for (const simulator of simulators.values()) {
    const { payments, refunds } = simulator.truth();
    for (const { order_no, amount_fen } of payments) if (order_nos.includes(order_no)) sum += amount_fen;
    for (const { order_no, amount_fen, state } of refunds) if (order_nos.includes(order_no) && state === 'succeeded') sum -= amount_fen;
  }
  return sum;
}

/** What the replies to the commands promised, held against the end. */
export function brokenPromises({ owner, order_no }: Scene, outcomes: readonly Outcome[], final: FinalState): Problem[] {
  const problems: Problem[] = [];
  const payment = final.payments[0];
  if (final.payments.length !== 1) problems.push({ rule: 'I-07 an order number stands for one payment', rows: [order_no, ...final.payments] });
  for (const { command, reply } of outcomes) {
    if (!reply) continue;
    const tell = (rule: string) => problems.push({ rule, rows: [command, reply, final.text] });
    if (reply.status >= 500) tell('a race is never an error of ours');
    if (reply.status >= 300) continue;
    if (command === 'refund' || command === 'refund_again') {
      const { id } = JSON.parse(reply.text) as { id: string };
      if (!final.refunds.some((refund) => refund.id === id)) tell('I-37 a refund that was answered is kept');
    }
    if (command === 'notify_a' || command === 'notify_b' || command === 'refund_notify' || !reply.text.startsWith('{"id":"pay')) continue;
    const shown = JSON.parse(reply.text) as Payment;
    if (shown.id !== payment?.id) tell('I-07 a reply shows the payment of the order number');
    if (shown.state === 'paid' && payment?.state !== 'paid') tell('I-38 what is paid stays paid');
    const reopens = owner.merchant.late_policy === 'accept' && payment?.closed_reason === null;
    if (shown.state === 'closed' && payment?.state !== 'closed' && !reopens) tell('I-38 what is closed stays closed');
    if (command === 'cancel' && final.kept_fen - final.duplicates_kept_fen > 0) tell('a cancelled payment keeps no money');
  }
  return [...problems, ...differentReplies(outcomes)];
}

/** I-36: the same key and the same request get the same bytes. */
function differentReplies(outcomes: readonly Outcome[]): Problem[] {
  const [first, second] = outcomes;
  if (!first?.reply || !second?.reply || first.key === undefined || first.key !== second.key) return [];
  const both = first.reply.status < 300 && second.reply.status < 300;
  return both && first.reply.text !== second.reply.text ? [{ rule: 'I-36 the same key gets the same reply', rows: [first, second] }] : [];
}
