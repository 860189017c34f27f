import type { Device as DeviceView, Payment } from '@heliu/contract';
import { sha256 } from '../../kernel/digest.ts';
import { type Fen, fenToNumber } from '../../kernel/money.ts';
import type { Rng } from '../../kernel/rng.ts';

/** A device that was paired with a terminal. A row of `devices`. */
export type Device = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly store_id: string;
  readonly terminal_id: string;
  readonly name: string;
  readonly refund_fen_max: Fen;
  readonly state: DeviceView['state'];
  readonly created_at: Date;
  readonly revoked_at: Date | null;
};

export function viewDevice(device: Device): DeviceView {
  const { id, livemode, store_id, terminal_id, name, refund_fen_max, state, created_at, revoked_at } = device;
  return {
    object: 'device',
    id,
    livemode,
    store_id,
    terminal_id,
    name,
    refund_fen_max: fenToNumber(refund_fen_max),
    state,
    created_at: created_at.toISOString(),
    revoked_at: revoked_at?.toISOString() ?? null,
  };
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Ten characters of 5 random bits, in two halves that a person can type. */
export function newPairingCode(rng: Rng): string {
  const code = Array.from(rng.bytes(10), (byte) => alphabet[byte & 31]).join('');
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}

/** The hash of a code as it was typed: case, blanks and dashes do not count, and look-alikes are read as what they look like. */
export function hashPairingCode(typed: string): Buffer | undefined {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? sha256(`pairing ${code}`) : undefined;
}

const token_form = /^hd_[A-Za-z0-9_-]{43}$/;

/** `hd_` and 256 random bits: what a paired device is known by. */
export const newDeviceToken = (rng: Rng): string => `hd_${rng.bytes(32).toString('base64url')}`;

export const hashDeviceToken = (token: string): Buffer | undefined => (token_form.test(token) ? sha256(token) : undefined);

/** The merchant's order number of a device's order: no two terminals share one. */
export const orderNoOf = ({ terminal_id }: Pick<Device, 'terminal_id'>, order_no: string): string => `pos-${terminal_id.slice(4)}-${order_no}`;

/** The device's own number of an order; undefined where another device or a server made it. */
export const deviceOrderNo = (device: Pick<Device, 'terminal_id'>, merchant_order_no: string): string | undefined => {
  const beginning = orderNoOf(device, '');
  return merchant_order_no.startsWith(beginning) ? merchant_order_no.slice(beginning.length) : undefined;
};

/** The one thing that a cashier or a gate needs to know of an order. */
export type Outcome = 'paid' | 'refunded' | 'waiting' | 'show_qr' | 'refused' | 'cancelling' | 'closed';

/** Never "refused" while money may still come: only the channel's final no, or a closed order, is one. */
export function outcomeOf({ state, closing, attempt, next_action, paid_fen, refunded_fen }: Payment): Outcome {
  if (state === 'paid') return refunded_fen === paid_fen ? 'refunded' : 'paid';
  if (state === 'closed') return 'closed';
  if (closing) return 'cancelling';
  // A code for every wallet outlives a try that was refused: the payer takes another wallet.
  if (next_action.type === 'show_qr') return 'show_qr';
  return attempt?.state === 'refused' || attempt?.state === 'closed' ? 'refused' : 'waiting';
}
