import { type Payment, type PlateRemark, PlateTapText, type RequestedMethod } from '@heliu/contract';
import type { Static } from 'typebox';
import { createRateLimit } from '../../../access/rate-limit.ts';
import { assert } from '../../../kernel/assert.ts';
import { canonicalJson, sha256, sha256Hex } from '../../../kernel/digest.ts';
import { plate_guesses_burst, plate_guesses_per_s, rate_limit_keys_max } from '../../../kernel/limits.ts';
import { type Fen, fenToNumber, toFen } from '../../../kernel/money.ts';
import { RefusalError, refuse } from '../../../kernel/refusal.ts';
import { getMerchant } from '../../../merchants/service.ts';
import { openStore } from '../../../merchants/stores/service.ts';
import { activeTerminal } from '../../../merchants/terminals/service.ts';
import { openPayment } from '../../../payments/checkout/service.ts';
import { createAttempt, createPayment } from '../../../payments/creates/service.ts';
import type { PaymentsCtx } from '../../../payments/ctx.ts';
import type { Payment as PaymentRow } from '../../../payments/payment.ts';
import { perNode } from '../../../platform/cache.ts';
import type { Caller } from '../../../platform/caller.ts';
import { compile } from '../../../platform/http/validate.ts';
import { checkTap, isCode, type Plate } from '../plate.ts';
import { findPlateByCode, releaseTap, reserveTap } from '../service.ts';
import { isInStock } from '../stock/service.ts';

/** What a payer's page shows of a plate before anything is paid. */
export type OpenPlate = {
  readonly plate_id: string;
  readonly livemode: boolean;
  readonly merchant_id: string;
  readonly merchant_name: string;
  readonly store_name: string;
  /** Fixed; undefined where the payer types it. */
  readonly fixed_amount_fen: number | undefined;
  /** Largest amount that it takes. */
  readonly amount_fen_max: number | undefined;
  readonly remark: PlateRemark;
};

type Scan = {
  readonly code: string;
  /** Who scans, for the limit of guesses. */
  readonly address: string;
};

/** Opens a scanned code. Refuses `plate_not_found`, `plate_not_bound` (stock), `plate_disabled`, a closed terminal or store, and who guesses codes. */
export const openPlate = async (ctx: PaymentsCtx, scan: Scan): Promise<OpenPlate> => opened(ctx, await scanned(ctx, scan));

async function opened(ctx: PaymentsCtx, plate: Plate): Promise<OpenPlate> {
  const owner = ownerOf(plate);
  assert(plate.terminal_id !== null && plate.store_id !== null, 'an active plate is bound');
  await activeTerminal(ctx, owner, plate.terminal_id);
  const [merchant, store] = await Promise.all([getMerchant(ctx, plate.merchant_id), openStore(ctx, owner, plate.store_id)]);
  if (merchant.state !== 'active') throw new RefusalError(refuse('plate_disabled'));
  return {
    plate_id: plate.id,
    livemode: plate.livemode,
    merchant_id: plate.merchant_id,
    merchant_name: merchant.name,
    store_name: store.name,
    fixed_amount_fen: shown(plate.fixed_amount_fen),
    amount_fen_max: shown(plate.amount_fen_max),
    remark: plate.remark,
  };
}

const shown = (amount_fen: Fen | null): number | undefined => (amount_fen === null ? undefined : fenToNumber(amount_fen));

/** One tap on "pay". */
export type PlateTap = Scan & {
  /** Drawn by the page when it asks for the amount, 16 to 64 characters: the same tap is the same payment. */
  readonly tap: string;
  readonly amount_fen: number;
  readonly remark?: string;
  /** How the payer pays, as in `create_payment`. */
  readonly pay: {
    readonly method: Static<typeof RequestedMethod>;
    readonly payer_id?: string;
    readonly app_id?: string;
    readonly payer_ip?: string;
    readonly return_url?: string;
  };
};

/** What a page sends is no request of the API, and is read as strictly. */
const checkText = compile(PlateTapText);
const tap_form = /^[0-9A-Za-z_-]{16,64}$/;

/**
 * Makes the payment of a tap within the plate's limits and gives it as its merchant sees it. The same tap again gives the
 * same payment; with another wallet, a new attempt of it.
 */
export async function payPlate(ctx: PaymentsCtx, input: PlateTap): Promise<Payment> {
  const { caller, request_hash, order, tap } = await reserved(ctx, input);
  let payment: Payment;
  try {
    payment = paymentOf(await createPayment({ ctx, caller, request_hash, body: { ...order, ...input.pay } }));
  } catch (error) {
    if (error instanceof RefusalError) await releaseTap(ctx, tap);
    throw error;
  }
  if (payment.state !== 'pending' || payment.attempt?.method === input.pay.method || input.pay.method === 'barcode') return payment;
  return paymentOf(await createAttempt({ ctx, caller, request_hash, payment_id: payment.id, body: input.pay }));
}

/** Makes the payment of a tap for the page: nobody tries it yet, and the wallet that holds the page decides how. The same tap again gives the same payment. */
export async function openTap(ctx: PaymentsCtx, input: Omit<PlateTap, 'pay'>): Promise<PaymentRow> {
  const { caller, request_hash, order, tap } = await reserved(ctx, input);
  try {
    const opened = await openPayment({ ctx, caller, request_hash }, 'pay_plate', { ...order, expires_in_s: tap_expires_in_s });
    assert(!('frozen' in opened), 'a tap has no key whose reply could be frozen');
    return opened;
  } catch (error) {
    if (error instanceof RefusalError) await releaseTap(ctx, tap);
    throw error;
  }
}
/** Whoever stands before a plate pays now or not at all. */
const tap_expires_in_s = 600;

/** Checks a tap against its plate, and takes its part of the day's limits. */
async function reserved(ctx: PaymentsCtx, input: Omit<PlateTap, 'pay'>) {
  if (!tap_form.test(input.tap)) throw new RefusalError(refuse('parameter_invalid', 'tap'));
  const unreadable = checkText({ remark: input.remark });
  if (unreadable) throw new RefusalError(unreadable);
  const plate = await scanned(ctx, input);
  const amount_fen = toFen(input.amount_fen);
  const refused = checkTap(plate, { amount_fen, remark: input.remark });
  if (refused) throw new RefusalError(refused);
  const open = await opened(ctx, plate);
  const { merchant_id, livemode, id: plate_id } = plate;
  const merchant_order_no = orderNoOf(plate, input.tap);
  const tap = { merchant_id, livemode, plate_id, merchant_order_no, amount_fen };
  await reserveTap(ctx, tap);
  const order = {
    merchant_order_no,
    amount_fen: input.amount_fen,
    subject: plate.subject ?? subjectOf(open),
    terminal_id: plate.terminal_id as string,
    metadata: { plate_id, ...(input.remark === undefined ? {} : { remark: input.remark }) },
  };
  // The way of paying is not part of what the tap is: the same tap in another wallet is the same payment.
  const request_hash = sha256(canonicalJson(['pay_plate', plate_id, input.tap, input.amount_fen, input.remark ?? null]));
  const caller = { ...ownerOf(plate), api_key_id: plate_id, scopes: [] } satisfies Caller;
  return { caller, request_hash, order, tap };
}

const paymentOf = ({ frozen }: { frozen: { body: string } }): Payment => JSON.parse(frozen.body) as Payment;

/** Derived, so that a tap that comes again after a crash finds its payment without anything having been remembered. */
const orderNoOf = (plate: Plate, tap: string): string => `plate-${sha256Hex(`${plate.id}/${tap}`).slice(0, 40)}`;

const subject_max = 60;
const subjectOf = ({ merchant_name, store_name }: OpenPlate): string => `${merchant_name} ${store_name}`.slice(0, subject_max);

const ownerOf = ({ merchant_id, livemode }: Plate) => ({ merchant_id, livemode });

/** The active plate of a code. Codes that nobody has cost who tries them; a code that is off is told apart and noted. */
async function scanned(ctx: PaymentsCtx, { code, address }: Scan): Promise<Plate> {
  const guesses = guessesOf(ctx);
  const wait_ms = guesses.take(address, ctx.clock.monotonic_ms());
  if (wait_ms > 0) throw new RefusalError(refuse('rate_limited', undefined, { retry_after_s: Math.ceil(wait_ms / 1000) }));
  const plate = isCode(code) ? await findPlateByCode(ctx, code) : undefined;
  const in_stock = plate ? plate.state === 'stock' : isCode(code) && (await isInStock(ctx, code));
  if (!plate && !in_stock) throw new RefusalError(refuse('plate_not_found'));
  guesses.giveBack(address);
  if (plate?.state === 'active') return plate;
  ctx.metrics.count('heliu_plate_scans_refused_total', { state: plate?.state ?? 'stock' });
  ctx.log.warn({ merchant_id: plate?.merchant_id, plate_id: plate?.id }, 'a plate that is not in use was scanned');
  throw new RefusalError(refuse(in_stock ? 'plate_not_bound' : 'plate_disabled'));
}

const guessesOf = perNode(() => createRateLimit({ rate_per_s: plate_guesses_per_s, burst: plate_guesses_burst, names_max: rate_limit_keys_max }));
