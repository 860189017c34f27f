// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is looked for and put in its place is source text
import type { PlantedBug } from './bug.ts';

const decide_refund = 'server/payments/decide-refund.ts';

/** What goes back, and what is counted. */
export const bugs_of_refunds: readonly PlantedBug[] = [
  // What goes back.
  {
    id: 'refund-reserves-nothing',
    file: decide_refund,
    find: 'refunding_fen: addFen(payment.refunding_fen, refund.amount_fen), refund_count',
    replace: 'refunding_fen: payment.refunding_fen, refund_count',
    harm: 'two refunds that each fit are sent although together they do not',
    noticed_by: 'seeds',
  },
  {
    id: 'refund-is-read-checked-and-inserted',
    file: 'server/payments/store.ts',
    find: "build.with('p', parks ? `select id from payments ${guarded()}` : `update payments set ${sets()} ${guarded()} returning id`);",
    replace:
      "build.with('p', parks ? `select id from payments ${guarded()}` : `update payments set ${sets()} ${input.change.new_refund ? `where merchant_id = $1 and id = ${build.value(payment.id)}` : guarded()} returning id`);",
    harm: 'two refunds that were asked for at once each find room for themselves, and more goes back than was paid',
    noticed_by: 'seeds',
    seen_at: { name: 'Hyperswitch', url: 'https://github.com/juspay/hyperswitch/issues/13182' },
  },
  {
    id: 'unknown-refund-does-not-count',
    file: decide_refund,
    find: 'return { ...untouched(payment), refunds: [{ ...refund, next_query_at: at }] };',
    replace: `const free = untouched(payment);
  const refunding_fen = isOfPayment(refund) ? subtractFen(payment.refunding_fen, refund.amount_fen) : payment.refunding_fen;
  return { ...free, payment: { ...free.payment, refunding_fen }, refunds: [{ ...refund, next_query_at: at }] };`,
    harm: 'a refund whose answer was lost leaves room for another one of the same money',
    noticed_by: 'seeds',
  },
  {
    id: 'open-refunds-do-not-count',
    file: 'server/payments/payment.ts',
    find: '(payment.paid_fen - payment.refunding_fen - payment.refunded_fen) as Fen',
    replace: '(payment.paid_fen - payment.refunded_fen) as Fen',
    harm: 'a refund beside one that is under way is not refused but fails with an error',
    noticed_by: 'seeds',
  },
  {
    id: 'refund-has-a-new-number',
    file: 'server/payments/upstream.ts',
    find: 'channel_refund_no: channelNo(merchant_code, refund.id),',
    replace: 'channel_refund_no: channelNo(merchant_code, `${refund.id.slice(0, -1)}${refund.query_tries % 10}`),',
    harm: 'a refund whose answer was lost is paid out again under another number',
    noticed_by: 'seeds',
  },
  {
    id: 'refund-time-out-is-refused',
    file: decide_refund,
    find: 'return stuck(aggregate, refund, fact.cause, env) ?? hurry(aggregate, refund, env);',
    replace: "return decideRefused(aggregate, refund, { reason: 'other', channel_code: 'TIMEOUT', channel_message: null }, env);",
    harm: 'a refund that the channel carries out is told as refused, and made again',
    noticed_by: 'seeds',
  },
  {
    id: 'accepted-refund-is-done',
    file: decide_refund,
    find: "case 'pending':\n      return decidePending(aggregate, refund, fact, env);",
    replace: "case 'pending':\n      return decideSucceeded(aggregate, refund, { is: 'succeeded', amount_fen: refund.amount_fen }, env);",
    harm: 'a refund that fails at the bank is told as paid out',
    noticed_by: 'seeds',
  },
  {
    id: 'refund-amount-unchecked',
    file: decide_refund,
    find: 'if (fact.amount_fen !== refund.amount_fen) {',
    replace: 'if (fact.amount_fen < 0n) {',
    harm: 'a refund of another amount counts as this one',
    noticed_by: { file: 'server/payments/decide-refund.test.ts', test: 'with another amount is parked' },
  },
  {
    id: 'refused-refund-keeps-its-reserve',
    file: decide_refund,
    find: "payment: { ...payment, refunding_fen: subtractFen(payment.refunding_fen, refund.amount_fen) },\n      events: [{ type: 'refund.refused'",
    replace: "payment,\n      events: [{ type: 'refund.refused'",
    harm: 'money that did not go back can never be refunded again',
    noticed_by: 'seeds',
  },
  // What is counted.
  {
    id: 'fee-in-floats',
    file: 'server/kernel/price.ts',
    find: 'divideRounded(amount_fen * BigInt(rate_ppm), ppm, price.rounding) + per_item_fen',
    replace: `(price.rounding === 'half_up'
      ? BigInt(Math.round(Number(amount_fen) * (rate_ppm / 1_000_000)))
      : divideRounded(amount_fen * BigInt(rate_ppm), ppm, price.rounding)) + per_item_fen`,
    harm: 'fees are a fen off where a rate has no exact float',
    noticed_by: { file: 'server/kernel/price.test.ts', test: '0.45 % of 30.00 is half a fen in numbers, and less in floats: 14' },
  },
  {
    id: 'bill-before-its-summary',
    file: 'server/recon/bills/service.ts',
    find: 'const step = await reading.next();',
    replace: `const nothing = { count: 0, amount_fen: 0n };
      const step = await reading.next().catch((problem: unknown) => {
        if (!(problem instanceof BillProblem)) throw problem;
        const totals = { lines: 0, payments: nothing, refunds: nothing, fee_millifen: 0n };
        return { done: true, value: { totals, adjustments: [] } as unknown as BillRead } as const;
      });`,
    harm: 'a bill that was cut off is the bill of its day, and what it lacks is reported as lost money',
    noticed_by: {
      file: 'server/recon/recon.test.ts',
      test: 'G-04 G-07: a broken or foreign file is refused with its reason, and an uploaded one repairs nothing by itself',
    },
  },
];
