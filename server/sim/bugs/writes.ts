// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is looked for and put in its place is source text
import type { PlantedBug } from './bug.ts';

const notifications = 'server/payments/notifications/service.ts';

/** What is written, in which order and with what, and how others hear of it. */
export const bugs_of_writes: readonly PlantedBug[] = [
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
    noticed_by: {
      file: 'server/platform/db/db.test.ts',
      test: 'no connection asks for less durability than the server has: what was committed and told is not lost with it',
    },
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
    noticed_by: {
      file: 'server/webhooks/deliveries/service.test.ts',
      test: 'OF-10: a send that takes its whole deadline is nobody else\u2019s meanwhile, and its result is written',
    },
  },
  {
    id: 'job-without-fencing',
    file: 'server/webhooks/deliveries/store.ts',
    find: "and (m.state = 'delivered' or (d.state = 'pending' and d.next_send_at = m.lease_until))",
    replace: '',
    harm: 'a node that was away for too long undoes what another has done since',
    noticed_by: { file: 'server/webhooks/deliveries/service.test.ts', test: 'OF-02 I-40: a node whose lease ended does not undo what another did' },
  },
  {
    id: 'sent-without-end',
    file: 'server/webhooks/schedule.ts',
    find: `  const wait_ms = delivery_waits_ms[tries - 1];
  if (wait_ms === undefined || now`,
    replace: `  const wait_ms = delivery_waits_ms[tries - 1] ?? 12 * 3_600_000;
  if (now.getTime() < 0 && now`,
    harm: 'a receiver that is gone is called for ever, and nobody is told that it heard nothing',
    noticed_by: { file: 'server/webhooks/schedule.test.ts', test: 'a delivery is sent 13 times over more than 24 hours' },
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
    noticed_by: {
      file: 'server/testing/attacks/egress.test.ts',
      test: 'F-05 a redirect is followed nowhere: not inside, not to another host with the signed body',
    },
  },
  {
    id: 'query-is-never-due',
    file: 'server/payments/schedule.ts',
    find: 'addMs(now, isBarcode(attempt) ? (barcode_steps_ms[0] as number) : first_query_ms);',
    replace: 'addMs(now, isBarcode(attempt) ? 30 * 86_400_000 : 30 * 86_400_000);',
    harm: 'an order whose notification is lost is forgotten for a month',
    noticed_by: 'seeds',
  },
];
