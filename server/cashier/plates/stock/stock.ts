import { sha256 } from '../../../kernel/digest.ts';
import type { Rng } from '../../../kernel/rng.ts';
import { type Plate, plate_table } from '../plate.ts';

/** A plate of the platform's stock, which may have become a merchant's since. A row of `plate_stock`. */
export type StockPlate = {
  readonly id: string;
  readonly livemode: boolean;
  readonly batch_id: string;
  readonly serial_no: number;
  readonly stock_no: string;
  readonly code: string;
  readonly merchant_id: string | null;
  readonly given_at: Date | null;
};

export type StockBatch = {
  readonly id: string;
  readonly livemode: boolean;
  readonly name: string;
  readonly count: number;
  readonly created_at: Date;
};

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Ten characters of 5 random bits: a number for the face of a plate, or a claim code. */
export const newTypedCode = (rng: Rng): string => Array.from(rng.bytes(10), (byte) => alphabet[byte & 31]).join('');

/** In two halves that a person can type. */
export const shownInHalves = (code: string): string => `${code.slice(0, 5)}-${code.slice(5)}`;

/** A code as it was typed: case, blanks and dashes do not count, and look-alikes are read as what they look like. */
export function readTypedCode(typed: string): string | undefined {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? code : undefined;
}

/** Bound to the plate, so that equal codes of two plates have nothing in common. */
export const hashClaimCode = (stock_no: string, claim_code: string): Buffer => sha256(`claim ${stock_no} ${claim_code}`);

/** The merchant's own plate that a plate of stock becomes: bound to nothing yet, with one line of history. */
export const plateOfStock = ({ id, livemode, batch_id, serial_no, code }: StockPlate, merchant_id: string, created_at: Date): Plate => ({
  merchant_id,
  id,
  livemode,
  batch_id,
  serial_no,
  code,
  state: plate_table.initial,
  store_id: null,
  terminal_id: null,
  subject: null,
  fixed_amount_fen: null,
  amount_fen_max: null,
  daily_amount_fen_max: null,
  daily_count_max: null,
  remark: 'none',
  created_at,
  version: 2,
});
