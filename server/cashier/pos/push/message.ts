import type { Event, EventType, Payment } from '@heliu/contract';
import { type Device, deviceOrderNo, type Outcome, outcomeOf } from '../device.ts';
import { speechOf } from '../speech.ts';

/** What a terminal hears of: how its payments end. */
export const pushed_types = ['payment.paid', 'payment.closed', 'payment.attempt_refused'] as const satisfies readonly EventType[];

export type PushedType = (typeof pushed_types)[number];

/** One message, and one entry of `GET /pos/api/events`: small enough for the smallest machine. */
export type TerminalEvent = {
  readonly object: 'terminal_event';
  /** The same however often it is told: who knows it already has heard it. */
  readonly id: string;
  readonly type: PushedType;
  readonly livemode: boolean;
  /** Where to go on with `GET /pos/api/events?after=`. */
  readonly cursor: number;
  /** RFC 3339; a speaker keeps silent of what is long past. */
  readonly created_at: string;
  /** The device's own number of the order; null for what a plate, another program or a server made at this terminal. */
  readonly order_no: string | null;
  readonly payment_id: string;
  readonly amount_fen: number;
  readonly outcome: Outcome;
  /** What a speaker (云喇叭) says, once it is paid; null before. */
  readonly speech: string | null;
};

/** Where results of a device's terminal are told. */
export const resultsTopic = ({ id }: Pick<Device, 'id'>): string => `heliu/devices/${id}/results`;

/** Where only what a speaker says is told, in the same form. */
export const speechTopic = ({ id }: Pick<Device, 'id'>): string => `heliu/devices/${id}/speech`;

/** An event of a payment as a device of its terminal is told of it. */
export function terminalEvent(device: Pick<Device, 'terminal_id'>, cursor: bigint, event: Event): TerminalEvent {
  const payment = event.data as Payment;
  return {
    object: 'terminal_event',
    id: event.id,
    type: event.type as PushedType,
    livemode: event.livemode,
    cursor: Number(cursor),
    created_at: event.created_at,
    order_no: deviceOrderNo(device, payment.merchant_order_no) ?? null,
    payment_id: payment.id,
    amount_fen: payment.amount_fen,
    outcome: outcomeOf(payment),
    speech: event.type === 'payment.paid' ? speechOf(payment) : null,
  };
}
