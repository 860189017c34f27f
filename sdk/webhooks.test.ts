import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { type Event, WebhookVerificationError, webhooks } from './index.ts';

const now = new Date('2026-11-22T00:00:00Z');
const now_ms = now.getTime();
const secret = webhooks.newTestSecret();
const event = {
  object: 'event',
  id: 'evt_01JD0000000000000000000000',
  type: 'webhook_endpoint.ping',
  livemode: false,
  created_at: '2026-11-22T00:00:00Z',
  data: { object: 'webhook_endpoint', id: 'whe_01JD0000000000000000000000' },
} as const satisfies Event;

/** Headers as the reference implementation makes them. */
function headersFor(body: string, by = secret, at = now) {
  return {
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign(event.id, at, body),
  };
}

const because = (reason: string) => (error: unknown) => error instanceof WebhookVerificationError && error.reason === reason;

describe('verify', () => {
  test('accepts what the reference implementation signs, from text, bytes and any kind of headers', async () => {
    const body = JSON.stringify(event);
    const headers = headersFor(body);
    for (const raw of [body, Buffer.from(body), new TextEncoder().encode(body)]) {
      for (const given of [headers, new Headers(headers)]) {
        assert.deepEqual(await webhooks.verify(raw, given, secret, { nowMs: now_ms }), event);
      }
    }
  });

  test('H-01: refuses the same event written another way', async () => {
    const headers = headersFor(JSON.stringify(event));
    const { object, ...rest } = event;
    for (const other of [JSON.stringify(event, null, 1), JSON.stringify({ ...rest, object }), `${JSON.stringify(event)}\n`]) {
      assert.deepEqual(JSON.parse(other), event);
      await assert.rejects(webhooks.verify(other, headers, secret, { nowMs: now_ms }), because('signature_mismatch'));
    }
  });

  test('H-01: refuses a parsed body outright', async () => {
    const headers = headersFor(JSON.stringify(event));
    await assert.rejects(webhooks.verify(event as unknown as string, headers, secret, { nowMs: now_ms }), TypeError);
  });

  test('no single changed byte of body, id, time or signature is accepted', async () => {
    const body = JSON.stringify(event);
    const headers = headersFor(body);
    const parts = { body, ...headers };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('body', 'webhook-id', 'webhook-timestamp', 'webhook-signature'),
        fc.nat(),
        fc.integer({ min: 1, max: 126 }),
        async (part, at, by) => {
          const text = parts[part as keyof typeof parts];
          const index = at % text.length;
          const changed = text.slice(0, index) + String.fromCharCode(32 + ((text.charCodeAt(index) - 32 + by) % 95)) + text.slice(index + 1);
          fc.pre(changed !== text);
          const { body: sent, ...others } = { ...parts, [part]: changed };
          // A change of the unused bits of the last base64 character, or of what ends it, is the same signature.
          fc.pre(part !== 'webhook-signature' || index < text.length - 2);
          await assert.rejects(webhooks.verify(sent, others, secret, { nowMs: now_ms }), WebhookVerificationError);
        },
      ),
      { numRuns: 300 },
    );
  });

  for (const [age_s, reason] of [
    [301, 'timestamp_too_old'],
    [-301, 'timestamp_too_new'],
    [300, undefined],
    [-300, undefined],
  ] as const) {
    test(`a webhook of ${age_s} s ago is ${reason ?? 'accepted'}`, async () => {
      const body = JSON.stringify(event);
      const verified = webhooks.verify(body, headersFor(body, secret, new Date(now_ms - age_s * 1000)), secret, { nowMs: now_ms });
      if (reason) await assert.rejects(verified, because(reason));
      else assert.equal((await verified).id, event.id);
    });
  }

  test('the window is the caller’s to choose', async () => {
    const body = JSON.stringify(event);
    const headers = headersFor(body, secret, new Date(now_ms - 3600_000));
    assert.equal((await webhooks.verify(body, headers, secret, { nowMs: now_ms, toleranceS: 3600 })).id, event.id);
  });

  test('I-33: during a rotation, either signature and either secret will do', async () => {
    const body = JSON.stringify(event);
    const [old, fresh] = [webhooks.newTestSecret(), webhooks.newTestSecret()];
    const both = {
      ...headersFor(body, old),
      'webhook-signature': `${headersFor(body, old)['webhook-signature']} v1a,other ${headersFor(body, fresh)['webhook-signature']}`,
    };
    for (const held of [old, fresh, [fresh, old]]) assert.equal((await webhooks.verify(body, both, held, { nowMs: now_ms })).id, event.id);
    assert.equal((await webhooks.verify(body, headersFor(body, old), [fresh, old], { nowMs: now_ms })).id, event.id);
    await assert.rejects(webhooks.verify(body, both, secret, { nowMs: now_ms }), because('signature_mismatch'));
    await assert.rejects(webhooks.verify(body, both, [], { nowMs: now_ms }), because('signature_mismatch'));
  });

  test('a header that is missing, doubled or malformed is refused by name', async () => {
    const body = JSON.stringify(event);
    const headers = headersFor(body);
    for (const name of Object.keys(headers)) {
      for (const value of [undefined, '', ['a', 'b']]) {
        await assert.rejects(webhooks.verify(body, { ...headers, [name]: value }, secret, { nowMs: now_ms }), because('header_missing'));
      }
    }
    for (const value of ['1e9', '-1', ' 1795305600', '0x10', '1795305600.5']) {
      await assert.rejects(webhooks.verify(body, { ...headers, 'webhook-timestamp': value }, secret, { nowMs: now_ms }), because('header_invalid'));
    }
    for (const value of ['v1', 'v1,', 'v1,%%%', 'v2,abcd', headers['webhook-signature'].slice(3)]) {
      await assert.rejects(webhooks.verify(body, { ...headers, 'webhook-signature': value }, secret, { nowMs: now_ms }), because('signature_mismatch'));
    }
  });

  test('what is truly signed and no event is refused too', async () => {
    for (const body of ['not json', '[]', 'null', '{"object":"payment"}']) {
      await assert.rejects(webhooks.verify(body, headersFor(body), secret, { nowMs: now_ms }), because('body_unreadable'));
    }
  });

  test('a secret that is none is the receiver’s mistake, named without showing it', async () => {
    const body = JSON.stringify(event);
    for (const wrong of ['whsec_', 'whsec_CANARY%%', '']) {
      await assert.rejects(
        webhooks.verify(body, headersFor(body), wrong, { nowMs: now_ms }),
        (error) => error instanceof TypeError && !error.message.includes('CANARY'),
      );
    }
  });
});

describe('signTestEvent', () => {
  test('makes a webhook that the reference implementation accepts', async () => {
    const { body, headers } = await webhooks.signTestEvent(event, secret);
    assert.deepEqual(new Webhook(secret).verify(body, headers), event);
    assert.deepEqual(await webhooks.verify(body, headers, secret), event);
  });
});
