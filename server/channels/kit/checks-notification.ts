import assert from 'node:assert/strict';
import { signature_window_s } from '../../kernel/limits.ts';
import type { Notified } from '../client.ts';
import type { InboundMessage, PayInput } from '../define.ts';
import type { Bench } from './bench.ts';
import { assertIs, assertOurs, assertWord, type Check, order, plainMethod, query, refundOutcome, skipUnsignedNotices } from './check.ts';
import type { Fault } from './simulator.ts';

const plain = ({ subject }: Bench) => plainMethod(subject.channel);

/** An order that was paid, and the message about it. */
export async function paidMessage(bench: Bench): Promise<{ readonly input: PayInput; readonly message: InboundMessage }> {
  const { input } = await order(bench, plain(bench));
  await bench.simulator.act(input.channel_order_no, { do: 'pay' });
  const [message] = await bench.messages(input.notify_url);
  assert.ok(message);
  return { input, message };
}

/** The same with a fault at the gateway; `count` messages come. */
async function faultyMessages(bench: Bench, fault: Fault, count: number) {
  const { input } = await order(bench, plain(bench));
  bench.simulator.inject({ on: 'notify', ...fault });
  await bench.simulator.act(input.channel_order_no, { do: 'pay' });
  return { input, messages: await bench.messages(input.notify_url, count) };
}

const read = (bench: Bench, message: InboundMessage): Promise<Notified> => bench.client.readNotification(bench.account, message);

/** What was read, without the evidence. */
const noticeOf = (notified: Notified) => (notified.is === 'read' ? notified.notification : undefined);

async function assertRead(bench: Bench, message: InboundMessage) {
  const notice = noticeOf(await read(bench, message));
  assert.ok(notice?.about === 'payment', 'the message is read');
  return notice;
}

/** A changed message is refused, or says to the letter what the genuine one said; where nothing is signed, it says no fact of any order. */
export async function assertNoOtherWord(bench: Bench, genuine: InboundMessage, changed: InboundMessage, what: string): Promise<boolean> {
  const notified = await read(bench, changed);
  if (notified.is === 'refused') return true;
  if (bench.subject.traits?.notices_unsigned) {
    const { notification } = notified;
    if (notification.about !== 'nothing') assertIs(notification.fact, 'unknown');
    return false;
  }
  assert.deepEqual(noticeOf(notified), noticeOf(await read(bench, genuine)), what);
  return false;
}

const without = <T>(members: Readonly<Record<string, T>>, name: string) => Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));

/** Every way to leave out one part of a message: a header, a parameter of a form, an element of XML, a member of JSON. */
function partsLeftOut(message: InboundMessage): readonly (readonly [name: string, message: InboundMessage])[] {
  const headers = Object.keys(message.headers).map((name) => [`header ${name}`, { ...message, headers: without(message.headers, name) }] as const);
  const bodies = bodiesWithoutOne(message).map(([part, body]) => [part, { ...message, body: Buffer.from(body) }] as const);
  return [...headers, ...bodies];
}

function bodiesWithoutOne({ headers, body }: InboundMessage): readonly (readonly [part: string, body: string])[] {
  const text = body.toString();
  if (text.startsWith('<'))
    return [...text.matchAll(/<(\w+)>[^<]*(?:<!\[CDATA\[.*?\]\]>)?<\/\1>/gs)].map(([element, name]) => [`element ${name}`, text.replace(element, '')]);
  if (text.startsWith('{')) return Object.keys(JSON.parse(text)).map((name) => [`member ${name}`, JSON.stringify(without(JSON.parse(text), name))]);
  if (!headers['content-type']?.includes('form')) return [];
  const parameters = text.split('&');
  return parameters.map((parameter, index) => [`parameter ${parameter.split('=')[0]}`, parameters.filter((_, other) => other !== index).join('&')]);
}

export const notificationChecks: readonly Check[] = [
  {
    name: 'CF-11 B-01: a message whose body was changed in any place is refused',
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      const step = Math.max(1, Math.floor(message.body.length / 150));
      let refused = 0;
      let tried = 0;
      for (let at = 0; at < message.body.length; at += step) {
        const body = Buffer.from(message.body);
        body[at] = (body[at] ?? 0) ^ 1;
        tried++;
        if (await assertNoOtherWord(bench, message, { ...message, body }, `byte ${at} changed`)) refused++;
      }
      if (bench.subject.traits?.notices_unsigned) return;
      // What is let through is what no signature covers, such as the name of the algorithm, or spaces between elements.
      const least = bench.subject.traits?.notices_partly_signed ? 0.4 : 0.8;
      assert.ok(refused > tried * least, `${refused} of ${tried} refused`);
    },
  },
  {
    name: 'B-01: a message with a part left out is refused, and none is read differently',
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      let refused = 0;
      for (const [name, changed] of partsLeftOut(message)) if (await assertNoOtherWord(bench, message, changed, `without ${name}`)) refused++;
      assert.ok(refused > 0, 'a message without its signature is refused');
      for (const body of ['', '{}', 'a=b', '<xml/>', '[]', 'null']) {
        assert.equal((await read(bench, { ...message, body: Buffer.from(body) })).is, 'refused', body);
        assert.equal((await read(bench, { ...message, headers: {}, body: Buffer.from(body) })).is, 'refused', `bare ${body}`);
      }
    },
  },
  {
    name: 'B-04: a genuine message to another merchant is refused, or names a receiver that is not that merchant',
    skip: skipUnsignedNotices,
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      const { account } = await bench.enroll();
      const notified = await bench.client.readNotification(account, message);
      const notice = noticeOf(notified);
      if (notice === undefined) return;
      assert.ok(notice.about === 'payment');
      assertIs(notice.fact, 'paid');
      assert.notDeepEqual(notice.fact.success.identity, bench.subject.channel.identity(account.config, {}));
    },
  },
  {
    name: 'B-04: a genuine message about a refund of another merchant settles no refund',
    run: async (bench) => {
      const { input } = await paidMessage(bench);
      const refund = bench.refundInput(input);
      await bench.client.refund(bench.account, refund);
      await refundOutcome(bench, refund);
      // Not every gateway tells of refunds.
      const [message] = await Promise.race([bench.messages(refund.notify_url), Promise.resolve([])]);
      if (!message) return;
      const { account } = await bench.enroll();
      const notice = noticeOf(await bench.client.readNotification(account, message));
      // No receiver is compared further on, so a number that is used twice would settle another merchant's refund.
      if (notice?.about === 'refund') assertIs(notice.fact, 'unknown');
    },
  },
  {
    name: 'B-01: a message that anybody could have written says no fact, whatever it claims, and the money is what a query says',
    skip: ({ subject }) => (subject.traits?.notices_unsigned ? undefined : 'notifications of this gateway are signed: one that is not is refused'),
    run: async (bench) => {
      const { input } = await order(bench, plain(bench));
      const { message } = await paidMessage(bench);
      const { channel_order_no } = await assertRead(bench, message);
      // Word for word what the gateway says of an order that was paid, said of one that was not.
      const forged = { ...message, body: Buffer.from(message.body.toString('utf8').replaceAll(channel_order_no, input.channel_order_no)) };
      const notice = await assertRead(bench, forged);
      assert.equal(notice.channel_order_no, input.channel_order_no);
      assertIs(notice.fact, 'unknown');
      assertIs(await query(bench, input), 'waiting');
    },
  },
  {
    name: 'B-03: the number comes from the signed content, whatever the URL said',
    run: async (bench) => {
      const { input, message } = await paidMessage(bench);
      const query_string = { ...message, headers: { ...message.headers, ':path': '/notify?out_trade_no=OTHER' } };
      assert.equal((await assertRead(bench, query_string)).channel_order_no, input.channel_order_no);
    },
  },
  {
    name: 'CF-07 B-09: the same message again says the same',
    run: async (bench) => {
      const { input, messages } = await faultyMessages(bench, { kind: 'notify_twice', times: 3 }, 3);
      const notices = await Promise.all(messages.map((message) => assertRead(bench, message)));
      for (const notice of notices) {
        assert.equal(notice.channel_order_no, input.channel_order_no);
        assertWord(bench, input, notice.fact);
        assert.deepEqual(notice, notices[0]);
      }
    },
  },
  {
    name: 'B-09: a message that is replayed after the window is refused, or says the same',
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      const fresh = noticeOf(await read(bench, message));
      bench.clock.advance((signature_window_s + 60) * 1000);
      const replayed = noticeOf(await read(bench, message));
      if (replayed !== undefined && !bench.subject.traits?.times_unsaid) assert.deepEqual(replayed, fresh);
    },
  },
  {
    name: 'CF-08: messages read in any order say the same',
    run: async (bench) => {
      const { input, message } = await paidMessage(bench);
      const refund = bench.refundInput(input);
      await bench.client.refund(bench.account, refund);
      await refundOutcome(bench, refund);
      const first = await read(bench, message);
      const [about_refund] = await Promise.race([bench.messages(refund.notify_url), Promise.resolve([])]);
      if (about_refund) {
        const notice = noticeOf(await read(bench, about_refund));
        assert.ok(notice?.about === 'refund');
        assert.equal(notice.channel_refund_no, refund.channel_refund_no);
        assertIs(notice.fact, 'succeeded');
      }
      assert.deepEqual(noticeOf(await read(bench, message)), noticeOf(first));
    },
  },
  {
    name: 'CF-12 B-02: a genuine message with another amount shows that amount, and not ours',
    skip: skipUnsignedNotices,
    run: async (bench) => {
      const { input, messages } = await faultyMessages(bench, { kind: 'notify_wrong_amount' }, 1);
      const { fact } = await assertRead(bench, messages[0] as InboundMessage);
      assertIs(fact, 'paid');
      assert.notEqual(fact.success.amount_fen, input.amount_fen);
      assertOurs(bench, input, await query(bench, input));
    },
  },
  {
    name: 'CF-12 B-02: a genuine message about another receiver is refused or shows that receiver',
    skip: skipUnsignedNotices,
    run: async (bench) => {
      const { messages } = await faultyMessages(bench, { kind: 'notify_wrong_merchant' }, 1);
      const notice = noticeOf(await read(bench, messages[0] as InboundMessage));
      if (notice === undefined) return;
      assert.ok(notice.about === 'payment');
      assertIs(notice.fact, 'paid');
      assert.notDeepEqual(notice.fact.success.identity, bench.subject.channel.identity(bench.account.config, {}));
    },
  },
  {
    name: 'the receiver that a message names is the account, field by field',
    skip: skipUnsignedNotices,
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      const { fact } = await assertRead(bench, message);
      assertIs(fact, 'paid');
      const expected = bench.subject.channel.identity(bench.account.config, {});
      assert.ok(Object.keys(expected).length > 0);
      assert.deepEqual({ ...expected, ...fact.success.identity }, expected);
      assert.deepEqual(Object.keys(fact.success.identity).sort(), Object.keys(expected).sort());
    },
  },
  {
    name: 'CF-13: a genuine message about an order that is not ours names that order',
    run: async (bench) => {
      const { input, messages } = await faultyMessages(bench, { kind: 'notify_unknown_order' }, 1);
      const { channel_order_no } = await assertRead(bench, messages[0] as InboundMessage);
      assert.notEqual(channel_order_no, input.channel_order_no);
    },
  },
  {
    name: 'CF-14: a probe with a false signature is refused, and the genuine message after it is read',
    skip: skipUnsignedNotices,
    run: async (bench) => {
      const { input } = await order(bench, plain(bench));
      bench.simulator.inject({ kind: 'notify_signature_probe', on: 'notify' });
      await bench.simulator.act(input.channel_order_no, { do: 'pay' });
      const [probe, genuine] = await bench.messages(input.notify_url, 2);
      assert.equal((await read(bench, probe as InboundMessage)).is, 'refused');
      assertOurs(bench, input, (await assertRead(bench, genuine as InboundMessage)).fact);
    },
  },
  {
    name: 'CF-10: money whose message was lost is found by a query',
    run: async (bench) => {
      const { input } = await order(bench, plain(bench));
      bench.simulator.inject({ kind: 'notify_lost', on: 'notify' });
      await bench.simulator.act(input.channel_order_no, { do: 'pay' });
      assertOurs(bench, input, await query(bench, input));
    },
  },
  {
    name: 'replies: a success and a failure are told apart by the gateway',
    run: async (bench) => {
      const { message } = await paidMessage(bench);
      const notified = await read(bench, message);
      assert.ok(notified.is === 'read');
      const { ok, failed } = notified.reply;
      assert.ok(ok.status >= 200 && ok.status < 300);
      assert.ok(failed.status !== ok.status || failed.body !== ok.body);
    },
  },
];
