import assert from 'node:assert/strict';
import { type Method, methods } from '@heliu/contract';
import { channel_sends_max } from '../../kernel/limits.ts';
import type { PaymentFact, RefundFact } from '../../kernel/outcome.ts';
import type { Answered } from '../client.ts';
import type { Channel, PayFact, PayInput, RefundInput } from '../define.ts';
import { type Bench, orderInput } from './bench.ts';

/** One promise of the conformance suite. */
export type Check = {
  readonly name: string;
  /** Why it does not apply to this subject, in a sentence; such a check is reported as skipped with that reason. */
  readonly skip?: (bench: Bench) => string | undefined;
  readonly run: (bench: Bench) => Promise<void>;
};

/** The methods that a channel declares. */
export const methodsOf = (channel: Channel): readonly Method[] => (Object.keys(methods) as Method[]).filter((method) => channel.pay[method] !== undefined);

export const isBarcode = (method: Method): boolean => methods[method].scene === 'barcode';

/** A method that calls the gateway before the payer acts, a QR code where there is one: it stands for all where the method does not matter. */
export function plainMethod(channel: Channel): Method {
  const waits = methodsOf(channel).filter((method) => !isBarcode(method));
  const found = waits.find((method) => methods[method].scene === 'qr') ?? waits[0] ?? barcodeMethod(channel);
  assert.ok(found, 'a channel takes something');
  return found;
}

export const barcodeMethod = (channel: Channel): Method | undefined => methodsOf(channel).find(isBarcode);
export const skipWithoutClose = ({ subject }: Bench) => (subject.channel.close ? undefined : 'orders of this gateway end by their time alone');
export const skipWithoutBarcode = ({ subject }: Bench) => (barcodeMethod(subject.channel) ? undefined : 'the channel takes no payment codes');

/** Narrows a fact to what it has to be, and shows what it is when it is not. */
export function assertIs<Fact extends { readonly is: string }, Is extends Fact['is']>(fact: Fact, is: Is): asserts fact is Extract<Fact, { is: Is }> {
  assert.equal(fact.is, is, `expected ${is}: ${JSON.stringify(fact, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`);
}

/** Sends a new order, and lets the payer open it. */
export async function order(bench: Bench, method: Method, changes: Partial<PayInput> = {}): Promise<{ readonly input: PayInput; readonly fact: PayFact }> {
  const input = bench.payInput(method, { ...slowCode(bench, method), ...changes });
  const { fact } = await bench.client.pay(bench.account, input);
  if (fact.is === 'waiting') await bench.open(fact.action);
  // A gateway may say no more of a code that it charged than that it went well: the query tells the rest.
  if (fact.is === 'waiting' && isBarcode(method) && truePayments(bench, input).length > 0) {
    const asked = await query(bench, input);
    assertIs(asked, 'paid');
    return { input, fact: asked };
  }
  return { input, fact };
}

/** Where there is nothing but payment codes, one that waits for its password stands for an order that waits for its payer. */
function slowCode({ simulator, subject }: Bench, method: Method): Partial<PayInput> {
  const is_all = methodsOf(subject.channel).every(isBarcode);
  return isBarcode(method) && is_all ? { auth_code: simulator.newPaymentCode('asks_password', methods[method].wallet) } : {};
}

/** An order that the gateway holds as paid. */
export async function paidOrder(bench: Bench, method: Method): Promise<PayInput> {
  const { input, fact } = await order(bench, method);
  if (fact.is !== 'paid') assertIs(fact, 'waiting');
  if (fact.is !== 'paid' && truePayments(bench, input).length === 0) {
    assert.deepEqual(await bench.simulator.act(input.channel_order_no, { do: 'pay' }), { done: true });
  }
  assert.equal(truePayments(bench, input).length, 1);
  return input;
}

export const truePayments = ({ simulator }: Bench, { channel_order_no }: PayInput) =>
  simulator.truth().payments.filter(({ order_no }) => order_no === channel_order_no);
export const trueRefunds = ({ simulator }: Bench, { channel_refund_no }: RefundInput) =>
  simulator.truth().refunds.filter(({ refund_no }) => refund_no === channel_refund_no);

/** How many times a fault must strike so that a call with its repeats meets nothing else. */
export const strikes = channel_sends_max;

/** Repeats a call until its outcome is known: what is left of a fault is used up, and then the channel must answer. */
export async function untilKnown<Fact extends { readonly is: string }>(call: () => Promise<Answered<Fact>>): Promise<Exclude<Fact, { is: 'unknown' }>> {
  for (let left = strikes; ; left--) {
    const { fact } = await call();
    if (fact.is !== 'unknown' && fact.is !== 'again') return fact as Exclude<Fact, { is: 'unknown' }>;
    assert.ok(left > 0, `the fault is over and the outcome is still unknown: ${JSON.stringify(fact)}`);
  }
}

/** Gateways move money back within a minute here; each look waits a little longer. */
const refund_looks_max = 8;

/** Asks for a refund until it is through, letting time pass as a sweeper does. */
export async function refundOutcome(bench: Bench, input: RefundInput): Promise<RefundFact> {
  for (let look = 0; ; look++) {
    const { fact } = await bench.client.refundQuery(bench.account, input);
    if (fact.is !== 'pending' || look >= refund_looks_max) return fact;
    bench.clock.advance(1000 * 2 ** look);
  }
}

/** The amount, currency and receiver of a success are ours, and its number is the gateway's own. */
export function assertOurs(bench: Bench, input: PayInput, fact: PaymentFact | PayFact): void {
  assertIs(fact as PaymentFact, 'paid');
  const { success } = fact as Extract<PaymentFact, { is: 'paid' }>;
  const [payment] = truePayments(bench, input);
  assert.equal(success.amount_fen, input.amount_fen);
  assert.equal(success.currency, 'CNY');
  assert.equal(success.channel_transaction_id, payment?.transaction_id);
  const paid_at_s = (at: Date | undefined) => Math.floor((at?.getTime() ?? 0) / 1000);
  if (!bench.subject.traits?.times_unsaid) assert.equal(paid_at_s(success.paid_at), paid_at_s(payment?.paid_at));
  const expected = bench.subject.channel.identity(bench.account.config, input.app_id === undefined ? {} : { app_id: input.app_id });
  for (const [name, value] of Object.entries(success.identity)) assert.equal(value, expected[name], `identity.${name}`);
}

/** What a notification may say: a signed one the whole truth, one that nobody signs nothing but that there is something to ask. */
export function assertWord(bench: Bench, input: PayInput, fact: PaymentFact): void {
  if (bench.subject.traits?.notices_unsigned) assertIs(fact, 'unknown');
  else assertOurs(bench, input, fact);
}

export const skipUnsignedNotices = ({ subject }: Bench) =>
  subject.traits?.notices_unsigned ? 'notifications of this gateway are never signed, and nothing in them is believed' : undefined;

export const query = async (bench: Bench, input: PayInput): Promise<PaymentFact> => (await bench.client.query(bench.account, orderInput(input))).fact;

/** Nobody has paid: the gateway waits, or makes the order only when the payer opens it. */
export function assertUnpaid(fact: PaymentFact): void {
  assert.ok(fact.is === 'waiting' || fact.is === 'not_found', `an unpaid order is ${fact.is}`);
}
