import { readChannelNo } from '../kernel/id.ts';
import type { World } from './world.ts';

/**
 * How a scenario ended, one fact a line and in one order: what each order and refund came to, what the channels hold of it, what
 * the merchant was told, and how its requests were answered. Without ids, times and tries, which a crash may change.
 */
export type Ending = readonly string[];

/** Where a crash may rightly lead: lines that come in the place of others, and why. */
export type Also = { readonly instead_of: Ending; readonly ending: Ending; readonly because: string };

type Answered = { readonly idempotency_key: string; readonly status: number; readonly code: string | undefined };

/** It is only on its way: a channel that is asked late enough says at once that the money has gone back. */
const passing = 'refund.pending';

/** Read when all is quiet and nothing goes wrong. */
export function endingOf({ sim, gateways, receivers }: World, answers: readonly Answered[]): Ending {
  const read = (text: string) => sim.database.engine.query(text).rows;
  const orders = new Map(read('select id, merchant_order_no as no from payments').map(({ id, no }) => [String(id), String(no)]));
  const attempts = read('select id, payment_id, channel, state, disposition from attempts');
  const order_of = new Map(attempts.map(({ id, payment_id }) => [String(id), orders.get(String(payment_id))]));
  const orderOf = (channel_order_no: string) => order_of.get(`att_${readChannelNo(channel_order_no)?.ulid}`) ?? 'nobody';
  const lines = read(`select merchant_order_no as no, state, closed_reason, paid_fen, refunding_fen, refunded_fen from payments`).map(
    ({ no, state, closed_reason, paid_fen, refunding_fen, refunded_fen }) =>
      `${no} is ${state}${closed_reason === null ? '' : ` (${closed_reason})`}: ${paid_fen} paid, ${refunding_fen} going back, ${refunded_fen} gone back`,
  );
  for (const { id, channel, disposition } of attempts)
    if (disposition !== null) lines.push(`${order_of.get(String(id))} has money by ${channel}, ${disposition}`);
  for (const { payment_id, merchant_refund_no, cause, amount_fen, state } of read('select * from refunds'))
    lines.push(`${orders.get(String(payment_id))} has a refund ${merchant_refund_no ?? `because of ${cause}`} of ${amount_fen}: ${state}`);
  for (const { kind, payment_id } of read('select kind, payment_id from anomalies')) lines.push(`${orders.get(String(payment_id))} went to a person: ${kind}`);
  for (const [channel, simulator] of gateways.simulators) {
    const { payments, refunds } = simulator.truth();
    const held = new Map<string, number>();
    const add = (order_no: string, amount_fen: number) => held.set(orderOf(order_no), (held.get(orderOf(order_no)) ?? 0) + amount_fen);
    for (const { order_no, amount_fen } of payments) add(order_no, amount_fen);
    for (const { order_no, amount_fen, state } of refunds) if (state !== 'failed') add(order_no, -amount_fen);
    for (const [no, amount_fen] of held) lines.push(`${channel} holds ${amount_fen} of ${no}`);
  }
  const events = new Map(receivers.received.filter(({ taken }) => taken).map(({ event }) => [event.id, event]));
  for (const { type, data } of events.values()) {
    const payment_id = 'payment_id' in data ? String(data.payment_id) : data.id;
    if (type !== passing) lines.push(`${orders.get(payment_id)} was told of: ${type}`);
  }
  for (const { idempotency_key, status, code } of answers) lines.push(`${idempotency_key} was answered ${status}${code === undefined ? '' : ` ${code}`}`);
  return lines.sort();
}

/** What is there too much and too little; undefined when the ending is the usual one, or one of the others that a crash may lead to. */
export function unexpectedOf(ending: Ending, usual: Ending, also: readonly Also[]): { readonly more: Ending; readonly less: Ending } | undefined {
  const difference = { more: without(ending, usual), less: without(usual, ending) };
  if (difference.more.length + difference.less.length === 0) return undefined;
  const isThis = (each: Also) => same(each.ending, difference.more) && same(each.instead_of, difference.less);
  return also.some(isThis) ? undefined : difference;
}

const same = (one: Ending, other: Ending): boolean => one.length === other.length && without(one, other).length === 0;

/** A line that is there twice counts twice. */
function without(lines: Ending, others: Ending): Ending {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
