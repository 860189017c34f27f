import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createTestClock, type TestClock } from '../testing/clock.ts';
import { createFeed, type Feed } from './feed.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { checkWebhook } from './webhook-check.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const other_secret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const now = new Date('2026-11-22T02:00:00Z');
const body = JSON.stringify({ id: 'evt_1', type: 'payment.paid', data: { subject: '咖啡' } });

/** A webhook signed by the official library of Standard Webhooks, then changed. */
function signed(change: { id?: string; at?: Date; body?: string; secret?: string; headers?: Record<string, string | undefined> } = {}) {
  const { id = 'evt_1', at = now } = change;
  const signature = new Webhook(change.secret ?? secret).sign(id, at, body);
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1000)), 'webhook-signature': signature, ...change.headers };
  return { headers, body: change.body ?? body };
}
const later = (s: number) => new Date(now.getTime() + s * 1000);

describe('the webhook check', () => {
  const cases: [promise: string, webhook: ReturnType<typeof signed>, check: string][] = [
    ['takes what the official library signed', signed(), 'valid'],
    [
      'takes either signature while a secret is rotated',
      signed({ headers: { 'webhook-signature': `${new Webhook(other_secret).sign('evt_1', now, body)} ${new Webhook(secret).sign('evt_1', now, body)}` } }),
      'valid',
    ],
    ['takes a clock that differs by five minutes', signed({ at: later(-300) }), 'valid'],
    ['refuses a replay after the window', signed({ at: later(-301) }), 'timestamp_outside_window'],
    ['refuses a timestamp from the future', signed({ at: later(301) }), 'timestamp_outside_window'],
    ['refuses a changed body', signed({ body: body.replace('paid', 'lost') }), 'signature_wrong'],
    ['refuses another secret', signed({ secret: other_secret }), 'signature_wrong'],
    ['refuses another id', signed({ headers: { 'webhook-id': 'evt_2' } }), 'signature_wrong'],
    ['refuses a changed timestamp', signed({ headers: { 'webhook-timestamp': String(now.getTime() / 1000 + 1) } }), 'signature_wrong'],
    ['refuses a timestamp that is no number', signed({ headers: { 'webhook-timestamp': '1e9' } }), 'timestamp_outside_window'],
    ['refuses a missing signature', signed({ headers: { 'webhook-signature': undefined } }), 'header_missing'],
    ['refuses an unsigned scheme', signed({ headers: { 'webhook-signature': 'v1,' } }), 'signature_wrong'],
  ];
  for (const [promise, webhook, check] of cases) test(promise, () => assert.equal(checkWebhook(webhook, secret, now), check));
  test('says so when it does not know the secret', () => assert.equal(checkWebhook(signed(), undefined, now), 'secret_unknown'));
});

describe('the inbox', () => {
  let clock: TestClock;
  let feed: Feed;
  let inbox: Inbox;
  beforeEach(() => {
    clock = createTestClock(now);
    feed = createFeed(clock);
    inbox = createInbox({ clock, feed, secret: () => secret });
  });
  afterEach(() => feed.close());

  test('keeps the last 200, newest first, and counts repeats of an event', () => {
    for (let i = 0; i < 203; i++) inbox.receive(signed({ id: `evt_${i}` }));
    inbox.receive(signed({ id: 'evt_202' }));
    const { messages } = inbox.view();
    assert.equal(messages.length, 200);
    assert.deepEqual(
      messages.slice(0, 2).map(({ no, event_id, earlier }) => ({ no, event_id, earlier })),
      [
        { no: 204, event_id: 'evt_202', earlier: 1 },
        { no: 203, event_id: 'evt_202', earlier: 0 },
      ],
    );
  });

  test('answers as switched, and 401 to what it cannot verify whatever the switch says', () => {
    const answers = (['ok', 'error', 'gone', 'slow'] as const).map((answer) => {
      inbox.setAnswer(answer);
      return [inbox.receive(signed()).status, inbox.receive(signed({ body: '{}' })).status];
    });
    assert.deepEqual(answers, [
      [200, 401],
      [500, 401],
      [410, 401],
      [200, 401],
    ]);
    assert.ok(inbox.receive(signed()).delay_ms > 15_000, 'slow is slower than Heliu waits');
  });

  test('shows a body that is no JSON as it came, without a type', () => {
    inbox.receive({ headers: {}, body: '<xml>' });
    assert.deepEqual(
      inbox.view().messages.map(({ type, body, check }) => ({ type, body, check })),
      [{ type: null, body: '<xml>', check: 'header_missing' }],
    );
  });

  test('tells every open page at once, and ends the streams when it stops', async () => {
    const streams = [feed.open({ event: 'all', data: 1 }), feed.open({ event: 'all', data: 2 })];
    inbox.receive(signed());
    feed.close();
    for (const [index, stream] of streams.entries()) {
      assert.ok(stream);
      const text = (await stream.toArray()).join('');
      assert.match(text, new RegExp(`^event: all\\ndata: ${index + 1}\\n\\nevent: message\\ndata: \\{.*"event_id":"evt_1".*\\}\\n\\n$`));
    }
    assert.equal(feed.open({ event: 'all', data: 3 }), undefined);
  });

  test('has a limit of pages, and a page that left makes room', async () => {
    const streams = Array.from({ length: 50 }, () => feed.open({ event: 'all', data: 0 }));
    assert.ok(streams.every((stream) => stream !== undefined));
    assert.equal(feed.open({ event: 'all', data: 0 }), undefined);
    const left = streams[0];
    assert.ok(left);
    const closed = new Promise((resolve) => left.once('close', resolve));
    left.destroy();
    await closed;
    assert.ok(feed.open({ event: 'all', data: 0 }));
  });
});
