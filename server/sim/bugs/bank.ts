// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is looked for and put in its place is source text
/**
 * Deliberate bugs. Each is a change of one place of the product, as someone could make it by mistake, and the suite has to
 * notice every one of them: a proof that finds nothing in a broken program proves nothing of a sound one.
 */
export type PlantedBug = {
  readonly id: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What then goes wrong for people, in a sentence. */
  readonly harm: string;
  /** Which part has to notice it: seeded worlds, or the tests of these files. */
  readonly noticed_by: 'seeds' | readonly string[];
  /** Where another platform has had this very bug in public. */
  readonly seen_at?: { readonly name: string; readonly url: string };
};

/** The file's text with the bug in it. */
export function planted({ id, file, find, replace }: PlantedBug, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${id}: ${file} has its place ${parts.length - 1} times, not once`);
  return parts.join(replace);
}

const decide_payment = 'server/payments/decide-payment.ts';
const decide_refund = 'server/payments/decide-refund.ts';
const verifier = 'server/payments/verifier.ts';
const notifications = 'server/payments/notifications/service.ts';

export const bank: readonly PlantedBug[] = [
  // What is believed.
  {
    id: 'no-amount-check',
    file: verifier,
    find: 'if (success.amount_fen !== attempt.amount_fen) {',
    replace: 'if (success.amount_fen < 0n) {',
    harm: 'an order of 100 is delivered for a payment of 1',
    noticed_by: 'seeds',
  },
  {
    id: 'no-receiver-check',
    file: verifier,
    find: 'if (received !== expected) return',
    replace: "if (expected === '') return",
    harm: "money that another merchant received pays this merchant's order",
    noticed_by: 'seeds',
  },
  {
    id: 'receiver-may-be-missing',
    file: verifier,
    find: "if (received === undefined && via !== 'notification') continue;",
    replace: 'if (received === undefined) continue;',
    harm: 'a notification that does not say who received the money is believed',
    noticed_by: ['server/payments/decide-payment.test.ts'],
  },
  {
    id: 'no-signature-check',
    file: 'server/channels/trust.ts',
    find: "if (!source) return judge(check, no_keys) === 'valid';",
    replace: 'if (!source) return true;',
    harm: 'anyone who knows an address can pay any order with a forged notification',
    noticed_by: ['server/channels/trust.test.ts'],
  },
  {
    id: 'throwing-verifier-is-valid',
    file: 'server/channels/trust.ts',
    find: "return 'invalid';",
    replace: "return 'valid';",
    harm: 'a message that breaks the verifier counts as verified',
    noticed_by: ['server/channels/conformance.test.ts', 'server/channels/trust.test.ts', 'server/channels/client.test.ts'],
  },
  // Another account.
  {
    id: 'code-tried-twice',
    file: 'server/payments/creates/decide-failover.ts',
    find: "fact.is === 'unknown' && fact.cause !== 'not_sent' && !isBarcode(attempt) &&",
    replace: "fact.is === 'unknown' && fact.cause !== 'not_sent' &&",
    harm: 'a payment code that was charged without an answer is charged again at another account',
    noticed_by: ['server/payments/creates/decide-failover.test.ts'],
  },
  {
    id: 'open-order-left-behind',
    file: 'server/payments/creates/decide-failover.ts',
    find: "if (ended?.state !== 'closed' && ended?.state !== 'refused') return undefined;",
    replace: 'if (!ended) return undefined;',
    harm: 'two accounts hold an open order of one payment',
    noticed_by: ['server/payments/creates/decide-failover.test.ts'],
  },
  // What is final.
  {
    id: 'time-out-is-refused',
    file: 'server/channels/client.ts',
    find: 'if (!again) return { fact: unknown(lost ?? sent.cause, sent.detail), sends };',
    replace: "if (!again) return { fact: { is: 'refused', reason: 'other', channel_code: 'TIMEOUT' } as unknown as Known<Fact>, sends };",
    harm: 'an answer that was lost fails an order which the payer has paid',
    noticed_by: 'seeds',
  },
  {
    id: 'not-found-is-final',
    file: decide_payment,
    find: "case 'not_found':\n      return undefined;",
    replace: "case 'not_found':\n      return rest(aggregate, attempt, 'close', env);",
    harm: 'an order that the channel does not know yet is closed, and then paid',
    noticed_by: 'seeds',
  },
  {
    id: 'absence-without-patience',
    file: 'server/payments/pursuit.ts',
    find: 'if (now.getTime() - attempt.created_at.getTime() <= absence_patience_ms) return false;',
    replace: '',
    harm: 'a close is certain while the request is still on its way',
    noticed_by: ['server/payments/pursuit.test.ts'],
  },
  {
    id: 'close-by-timer',
    file: decide_payment,
    find: 'if (payment.closing === null || !state || attempts.some(isLive)) return undefined;',
    replace: 'if (payment.closing === null || !state) return undefined;',
    harm: 'an order is closed here while its payer can still pay it at the channel',
    noticed_by: 'seeds',
    seen_at: {
      name: 'Jeepay',
      url: 'https://github.com/jeequan/jeepay/blob/02606ba3eb25c32abcee2d554b9612ab087b5bc6/jeepay-service/src/main/java/com/jeequan/jeepay/service/impl/PayOrderService.java',
    },
  },
  {
    id: 'paid-after-close-is-dropped',
    file: decide_payment,
    find: "  const { payment } = aggregate;\n  if (attempt.state === 'succeeded') {",
    replace: "  const { payment } = aggregate;\n  if (payment.state === 'closed') return undefined;\n  if (attempt.state === 'succeeded') {",
    harm: 'money that comes after the close stays with the merchant and nobody hears of it',
    noticed_by: 'seeds',
    seen_at: {
      name: 'DaxPay',
      url: 'https://github.com/dromara/dax-pay/blob/d69fdea2dd1f78c57871ac66f28a89e0b045f13e/daxpay-single/daxpay-single-service/src/main/java/cn/bootx/platform/daxpay/service/core/payment/callback/service/PayCallbackService.java',
    },
  },
  {
    id: 'paid-after-close-is-paid',
    file: decide_payment,
    find: "return policy.late_policy === 'accept' && payment.closing !== 'cancel' ? 'accepted' : 'late';",
    replace: "return 'accepted';",
    harm: 'an order that was told as closed turns to paid against the merchant\u2019s wish',
    noticed_by: ['server/payments/decide-payment.test.ts', 'server/payments/policy.test.ts'],
  },
  {
    id: 'duplicate-is-kept',
    file: decide_payment,
    find: "disposition === 'duplicate' && policy.duplicate_policy === 'keep' && attempt.reversing_at === null;",
    replace: "disposition === 'duplicate';",
    harm: 'who paid twice never has the second payment back',
    noticed_by: 'seeds',
  },
  {
    id: 'late-is-kept',
    file: decide_payment,
    find: 'is_kept ? told :',
    replace: "is_kept || disposition === 'late' ? told :",
    harm: 'money that came too late never goes back',
    noticed_by: 'seeds',
  },
  {
    id: 'reverse-is-forgotten',
    file: decide_payment,
    find: "if (attempt.reversing_at !== null) return 'late';",
    replace: '',
    harm: 'a payment counts as paid although the channel gives its money back',
    noticed_by: ['server/payments/decide-payment.test.ts'],
  },
  {
    id: 'reverse-of-nothing-gives-back',
    file: 'server/payments/refunds/service.ts',
    find: " || (fact.is === 'closed' && fact.money === 'none')",
    replace: '',
    harm: 'late money counts as given back because the order was reversed before it came',
    noticed_by: ['server/payments/closes/reverse.test.ts'],
  },
  {
    id: 'cancel-loses-to-the-payer',
    file: decide_payment,
    find: "return before.closing === 'cancel' ? withRefund(accepted, attempt, 'cancel', env) : accepted;",
    replace: 'return accepted;',
    harm: 'a cancelled order keeps the money of a payer who was faster',
    noticed_by: 'seeds',
  },
  {
    id: 'second-charge-of-a-code',
    file: 'server/payments/pursuit.ts',
    find: "return isBarcode(attempt) ? 'undo' : 'resend';",
    replace: "return 'resend';",
    harm: 'a payment code is charged again while the first charge may be on its way',
    noticed_by: 'seeds',
  },
  {
    id: 'orphan-is-dropped',
    file: notifications,
    find: "if (notice.fact.is !== 'paid') return 'nothing';",
    replace: "return 'nothing';",
    harm: 'money that matches no order is acknowledged and forgotten',
    noticed_by: 'seeds',
  },
  // What is stored.
  {
    id: 'acknowledged-before-stored',
    file: notifications,
    find: 'const result = await take(ctx, account, read.notification, read.exchange);',
    replace: "const result = 'applied';\n  void take(ctx, account, read.notification, read.exchange).catch(() => {});",
    harm: 'a crash after the acknowledgement loses the only word of a payment',
    noticed_by: 'seeds',
  },
  {
    id: 'no-version-guard',
    file: 'server/payments/store.ts',
    find: 'where merchant_id = $1 and id = ${build.value(payment.id)} and version = ${build.value(before.payment.version)}`;',
    replace: 'where merchant_id = $1 and id = ${build.value(payment.id)} and version >= ${build.value(0 * before.payment.version)}`;',
    harm: 'of two writers the second undoes what the first has written',
    noticed_by: 'seeds',
  },
  {
    id: 'version-stays',
    file: 'server/payments/change.ts',
    find: 'version: payment.version + 1 },',
    replace: 'version: payment.version },',
    harm: 'two writers both believe that they were first',
    noticed_by: 'seeds',
  },
  {
    id: 'unique-index-is-none',
    file: 'server/platform/db/migrate.ts',
    find: ".replaceAll('\\r\\n', '\\n');",
    replace: ".replaceAll('\\r\\n', '\\n').replace('create unique index attempts_transaction', 'create index attempts_transaction');",
    harm: 'one transaction of a channel pays two orders',
    noticed_by: 'seeds',
  },
  {
    id: 'commit-may-be-lost',
    file: 'server/platform/db/pool.ts',
    find: '-c random_page_cost=1.1',
    replace: '-c random_page_cost=1.1 -c synchronous_commit=off',
    harm: 'a database that crashes forgets payments that were acknowledged a moment before',
    noticed_by: ['server/platform/db/db.test.ts'],
  },
  {
    id: 'time-is-the-machines-own',
    file: 'server/platform/db/time.ts',
    find: 'clock: { now: () => new Date(now_ms()),',
    replace: 'clock: { now: clock.now,',
    harm: 'a node whose clock is a day ahead closes orders that are still good',
    noticed_by: 'seeds',
  },
  {
    id: 'event-is-lost',
    file: 'server/payments/store.ts',
    find: 'if (events.length > 0) {',
    replace: "if (events.length > 0 && source.via !== 'query') {",
    harm: 'whoever pays while notifications are lost is never told of to the merchant',
    noticed_by: 'seeds',
  },
  {
    id: 'event-from-memory',
    file: 'server/payments/service.ts',
    find: 'events: eventsOf(ctx, work.merchant, after, change, now),',
    replace: 'events: eventsOf(ctx, work.merchant, aggregate, change, now),',
    harm: 'the merchant is told "paid" with the state from before',
    noticed_by: 'seeds',
    seen_at: { name: 'Hyperswitch', url: 'https://github.com/juspay/hyperswitch/issues/9278' },
  },
  {
    id: 'late-money-is-told-as-paid',
    file: 'server/payments/service.ts',
    find: 'viewPayment(after.payment, eventAttempt(',
    replace: "viewPayment(type === 'payment.late_received' ? { ...after.payment, state: 'paid' } : after.payment, eventAttempt(",
    harm: 'a payment that stays closed is told to the merchant as paid: the state in memory, not the stored one',
    noticed_by: 'seeds',
    seen_at: {
      name: 'Jeepay',
      url: 'https://github.com/jeequan/jeepay/blob/1985162085fb291e45ee1dfaf8c275a653f47452/jeepay-payment/src/main/java/com/jeequan/jeepay/pay/ctrl/payorder/ChannelNoticeController.java',
    },
  },
  {
    id: 'notify-before-commit',
    file: 'server/payments/service.ts',
    find: `    const written = await store.commit(ctx, {
      change,
      before: aggregate,
      source: work.source,
      events: eventsOf(ctx, work.merchant, after, change, now),`,
    replace: `    const early = eventsOf(ctx, work.merchant, after, change, now);
    for (const event of early) {
      const endpoints = await ctx.db.kysely.selectFrom('webhook_endpoints').selectAll()
        .where('merchant_id', '=', work.merchant.id).where('livemode', '=', event.livemode).where('state', '=', 'enabled').execute();
      ctx.courier.hand(endpoints.map((endpoint) => ({ ...endpoint, id: 'early', event_id: event.id, webhook_endpoint_id: endpoint.id, tries: 1,
        created_at: now, lease_until: now, payload: event.payload, endpoint_state: 'enabled' })));
    }
    const written = await store.commit(ctx, {
      change,
      before: aggregate,
      source: work.source,
      events: early,`,
    harm: 'the merchant is told of a change that a lost race or a crash then never makes',
    noticed_by: 'seeds',
  },
  {
    id: 'event-beside-its-change',
    file: 'server/payments/store.ts',
    find: `  writeParts(build, input, parks ? 'an' : 'p');
  const replied = input.key ? 'exists (select 1 from k)' : 'false';
  const leases = input.lease_until !== undefined && input.events.length > 0;
  const tail = leases ? \`select \${replied} as replied, l.* from p left join (\${leased_select}) l on true\` : \`select \${replied} as replied from p\`;
  type Row = Pick<Committed, 'replied'> & Partial<LeasedDelivery>;
  const rows = await ctx.db.run<Row>(build.statement('payments_commit', tail), build.values);
  return rows[0] && { replied: rows[0].replied, leased: leases ? rows.flatMap((row) => withPayload(row, input.events)) : [] };`,
    replace: `  writeParts(build, { ...input, events: [] }, parks ? 'an' : 'p');
  const replied = input.key ? 'exists (select 1 from k)' : 'false';
  const told = parks && input.change.anomaly ? 'exists (select 1 from an)' : 'true';
  type Row = Pick<Committed, 'replied'> & { readonly told: boolean };
  const [row] = await ctx.db.run<Row>(build.statement('payments_commit', \`select \${replied} as replied, \${told} as told from p\`), build.values);
  if (row?.told && input.events.length > 0) {
    const beside = new StatementParts([payment.merchant_id]);
    beside.with('p', 'select 1 as one');
    for (const [name, text] of outboxParts({ events: input.events }, (given) => beside.value(given), 'p')) beside.with(name, text);
    await ctx.db.run(beside.statement('payments_events', 'select id from ev'), beside.values);
  }
  return row && { replied: row.replied, leased: [] };`,
    harm: 'a crash between a change and its event leaves a payment of which the merchant never hears',
    noticed_by: 'seeds',
  },
  {
    id: 'webhook-of-another-merchant',
    file: 'server/platform/outbox/outbox.ts',
    find: 'join webhook_endpoints w on w.merchant_id = v.merchant_id and w.livemode = v.livemode',
    replace: 'join webhook_endpoints w on w.livemode = v.livemode',
    harm: "every merchant hears of every merchant's payments",
    noticed_by: 'seeds',
  },
  {
    id: 'every-answer-acknowledges',
    file: 'server/webhooks/verdict.ts',
    find: 'if (status >= 200 && status < 300)',
    replace: 'if (status >= 200 && status < 600)',
    harm: 'a receiver that is down for an hour has lost the webhooks of that hour',
    noticed_by: 'seeds',
  },
  {
    id: 'lease-shorter-than-the-work',
    file: 'server/webhooks/deliveries/service.ts',
    find: 'const lease_ms = 2 * webhook_deadline_ms;',
    replace: 'const lease_ms = webhook_deadline_ms / 2;',
    harm: 'a webhook to a slow receiver is sent a second time while the first is still under way, and what the first one got is not written',
    noticed_by: ['server/webhooks/deliveries/service.test.ts'],
  },
  {
    id: 'job-without-fencing',
    file: 'server/webhooks/deliveries/store.ts',
    find: "and (m.state = 'delivered' or (d.state = 'pending' and d.next_send_at = m.lease_until))",
    replace: '',
    harm: 'a node that was away for too long undoes what another has done since',
    noticed_by: ['server/webhooks/deliveries/service.test.ts'],
  },
  {
    id: 'sent-without-end',
    file: 'server/webhooks/schedule.ts',
    find: `  const wait_ms = delivery_waits_ms[tries - 1];
  if (wait_ms === undefined || now`,
    replace: `  const wait_ms = delivery_waits_ms[tries - 1] ?? 12 * 3_600_000;
  if (now.getTime() < 0 && now`,
    harm: 'a receiver that is gone is called for ever, and nobody is told that it heard nothing',
    noticed_by: ['server/webhooks/schedule.test.ts'],
  },
  {
    id: 'redirect-is-followed',
    file: 'server/webhooks/deliveries/service.ts',
    find: "    return { is: 'answer', ...answer };",
    replace: `    const { location } = answer.headers;
    if (answer.status >= 300 && answer.status < 400 && location !== undefined)
      return await send(ctx, { ...delivery, url: new URL(location, url).href }, now);
    return { is: 'answer', ...answer };`,
    harm: 'a receiver sends a signed webhook on to whomever it likes',
    noticed_by: ['server/webhooks/deliveries/service.test.ts', 'server/testing/attacks/egress.test.ts'],
  },
  {
    id: 'query-is-never-due',
    file: 'server/payments/schedule.ts',
    find: 'addMs(now, isBarcode(attempt) ? (barcode_steps_ms[0] as number) : first_query_ms);',
    replace: 'addMs(now, isBarcode(attempt) ? 30 * 86_400_000 : 30 * 86_400_000);',
    harm: 'an order whose notification is lost is forgotten for a month',
    noticed_by: 'seeds',
  },
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
    noticed_by: ['server/payments/decide-refund.test.ts'],
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
    noticed_by: ['server/kernel/price.test.ts'],
  },
  {
    id: 'bill-before-its-summary',
    file: 'server/recon/bills/service.ts',
    find: 'const step = await reading.next();',
    replace: `const nothing = { count: 0, amount_fen: 0n };
      const step = await reading.next().catch((problem: unknown) => {
        if (!(problem instanceof BillProblem)) throw problem;
        return { done: true, value: { lines: 0, payments: nothing, refunds: nothing, fee_millifen: 0n } as unknown as BillTotals } as const;
      });`,
    harm: 'a bill that was cut off is the bill of its day, and what it lacks is reported as lost money',
    noticed_by: ['server/recon/recon.test.ts'],
  },
  // Who may.
  {
    id: 'no-tenant-on-read',
    file: 'server/payments/store.ts',
    find: 'where p.merchant_id = $1 and p.id = $2 order by a.id` };',
    replace: 'where $1::text is not null and p.id = $2 order by a.id` };',
    harm: "whoever has an id reads another merchant's payment",
    noticed_by: ['server/testing/matrix.test.ts', 'server/testing/attacks/isolation.test.ts'],
  },
  {
    id: 'key-without-its-request',
    file: 'server/platform/idempotency/idempotency.ts',
    find: 'if (row.operation !== operation || !row.request_hash.equals(call.request_hash)) throw',
    replace: 'if (row.operation !== operation) throw',
    harm: 'a second order under a used key is answered with the first one, and never made',
    noticed_by: 'seeds',
  },
  {
    id: 'nonce-is-used-again',
    file: 'server/platform/vault/vault.ts',
    find: 'const nonce = rng.bytes(nonce_bytes);',
    replace: 'const nonce = Buffer.alloc(nonce_bytes, rng.bytes(1).length);',
    harm: 'sealed values of one key can be opened by comparing them',
    noticed_by: ['server/platform/vault/vault.test.ts'],
  },
  {
    id: 'body-is-logged',
    file: 'server/platform/http/server.ts',
    find: 'error: edge.error_code,',
    replace: 'error: edge.error_code, body: JSON.stringify(request.body),',
    harm: 'payment codes and payers stand in the log of every node',
    noticed_by: ['server/testing/canaries.test.ts'],
  },
  {
    id: 'private-address-may-be-called',
    file: 'server/platform/egress/connector.ts',
    find: 'else if (addresses.some((address) => refusal(address) !== undefined))',
    replace: 'else if (addresses.length > 99 && addresses.some((address) => refusal(address) !== undefined))',
    harm: 'a webhook reaches the machines behind the firewall',
    noticed_by: ['server/platform/egress.test.ts'],
  },
];
