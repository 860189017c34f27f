import type { BindPlateBody, PlateChangeKind, PlateRemark, PlateState, UpdatePlateBody } from '@heliu/contract';
import { amount_fen_max } from '../../kernel/limits.ts';
import { move, type Table } from '../../kernel/machine.ts';
import { type Fen, fenToNumber, toFen } from '../../kernel/money.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';
import type { Rng } from '../../kernel/rng.ts';

/** 码牌: a printed code. A row of `plates`. */
export type Plate = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly batch_id: string;
  readonly serial_no: number;
  readonly code: string;
  readonly state: PlateState;
  readonly store_id: string | null;
  readonly terminal_id: string | null;
  readonly subject: string | null;
  /** Fixed; null where the payer types it. */
  readonly fixed_amount_fen: Fen | null;
  readonly amount_fen_max: Fen | null;
  readonly daily_amount_fen_max: Fen | null;
  readonly daily_count_max: number | null;
  readonly remark: PlateRemark;
  readonly created_at: Date;
  readonly version: number;
};

export const plate_table: Table<PlateState, 'bind' | 'disable' | 'enable'> = {
  name: 'plate',
  initial: 'stock',
  resting: ['active', 'disabled'],
  moves: {
    stock: { bind: 'active' },
    active: { disable: 'disabled' },
    disabled: { bind: 'active', enable: 'active' },
  },
};

/** A change of a plate, to be written over the version that was read. */
export type PlateDecision = { readonly plate: Plate; readonly change: PlateChangeKind };

type Terminal = { readonly id: string; readonly store_id: string; readonly kind: string };

/** Binds stock to its first terminal, or a plate to another one. Binding to the same terminal changes settings alone. */
export function decideBind(plate: Plate, terminal: Terminal, settings: Omit<BindPlateBody, 'terminal_id'>): PlateDecision | Refusal {
  if (terminal.kind !== 'plate') return refuse('plate_terminal_kind', 'terminal_id');
  const state = move(plate_table, plate.state, 'bind') ?? plate.state;
  const bound = { ...plate, ...readSettings(settings), state, store_id: terminal.store_id, terminal_id: terminal.id, version: plate.version + 1 };
  return { plate: bound, change: plate.terminal_id === null ? 'bound' : plate.terminal_id === terminal.id ? 'updated' : 'rebound' };
}

export function decideUpdate(plate: Plate, settings: UpdatePlateBody): PlateDecision | Refusal {
  if (plate.state === 'stock') return refuse('plate_not_bound', 'plate_id');
  return { plate: { ...plate, ...readSettings(settings), version: plate.version + 1 }, change: 'updated' };
}

/** Undefined when the plate is in that state already. */
export function decideStep(plate: Plate, step: 'disable' | 'enable'): PlateDecision | Refusal | undefined {
  if (plate.state === 'stock') return refuse('plate_not_bound', 'plate_id');
  const state = move(plate_table, plate.state, step);
  return state && { plate: { ...plate, state, version: plate.version + 1 }, change: step === 'disable' ? 'disabled' : 'enabled' };
}

function readSettings({ fixed_amount_fen, amount_fen_max, daily_amount_fen_max, ...rest }: UpdatePlateBody): Partial<Plate> {
  const fen = (value: number | null | undefined): Fen | null | undefined => (typeof value === 'number' ? toFen(value) : value);
  const read = { ...rest, fixed_amount_fen: fen(fixed_amount_fen), amount_fen_max: fen(amount_fen_max), daily_amount_fen_max: fen(daily_amount_fen_max) };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as Partial<Plate>;
}

/** What a payer asks for with one tap. */
export type Tap = { readonly amount_fen: Fen; readonly remark?: string | undefined };

/** Whether the plate takes that amount and remark at all; the day's limits are another question. */
export function checkTap(plate: Plate, tap: Tap): Refusal | undefined {
  if (plate.state !== 'active') return refuse('plate_disabled');
  if (plate.fixed_amount_fen !== null && plate.fixed_amount_fen !== tap.amount_fen) return refuse('plate_amount_refused', 'amount_fen');
  if (tap.amount_fen > (plate.amount_fen_max ?? amount_fen_max)) return refuse('plate_amount_refused', 'amount_fen');
  if (plate.remark === 'required' && (tap.remark ?? '') === '') return refuse('parameter_missing', 'remark');
  if (plate.remark === 'none' && tap.remark !== undefined) return refuse('parameter_unknown', 'remark');
  return undefined;
}

/** What was taken by a plate on one day, payments under way included. */
export type DayUse = { readonly amount_fen: Fen; readonly count: number };

/** Whether one more payment of that amount still fits into the day. */
export function fitsDay(plate: Plate, used: DayUse, amount_fen: Fen): boolean {
  if (plate.daily_count_max !== null && used.count + 1 > plate.daily_count_max) return false;
  return plate.daily_amount_fen_max === null || used.amount_fen + amount_fen <= plate.daily_amount_fen_max;
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 26 characters of 5 random bits: upper case, so that a QR code stays small, and without look-alikes. */
export const newCode = (rng: Rng): string => Array.from(rng.bytes(26), (byte) => alphabet[byte & 31]).join('');

export const isCode = (text: string): boolean => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text);

/** What the QR code says. */
export const plateUrl = (public_url: string, code: string): string => `${public_url}/c/p/${code}`;

/** Settings as they stand in the history: whole fen as numbers. */
export function settingsOf({ subject, fixed_amount_fen, amount_fen_max, daily_amount_fen_max, daily_count_max, remark }: Plate) {
  const shown = (value: Fen | null): number | null => (value === null ? null : fenToNumber(value));
  return {
    subject,
    fixed_amount_fen: shown(fixed_amount_fen),
    amount_fen_max: shown(amount_fen_max),
    daily_amount_fen_max: shown(daily_amount_fen_max),
    daily_count_max,
    remark,
  };
}
