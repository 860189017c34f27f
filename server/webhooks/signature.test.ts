import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { createTestRng } from '../testing/rng.ts';
import { newWebhookSecret, signedHeaders } from './signature.ts';

const rng = createTestRng('signature');
const body = '{"type":"payment.paid","text":"茶"}';

test('the example of the Standard Webhooks specification comes out', () => {
  const headers = signedHeaders({
    event_id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    now: new Date(1_614_265_330_000),
    body: '{"test": 2432232314}',
    secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  });
  assert.deepEqual(headers, {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('F-11 I-33: a receiver verifies with the published library, and with no other secret, body or id', () => {
  const [secret, other] = [newWebhookSecret(rng), newWebhookSecret(rng)];
  const headers = signedHeaders({ event_id: 'evt_1', now: new Date(), body, secrets: [secret] });
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  assert.throws(() => new Webhook(other).verify(body, headers), WebhookVerificationError);
  assert.throws(() => new Webhook(secret).verify(`${body} `, headers), WebhookVerificationError);
  assert.throws(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'evt_2' }), WebhookVerificationError);
});

test('F-12 I-33: with two secrets either verifies', () => {
  const secrets = [newWebhookSecret(rng), newWebhookSecret(rng)];
  const headers = signedHeaders({ event_id: 'evt_1', now: new Date(), body, secrets });
  for (const secret of secrets) assert.doesNotThrow(() => new Webhook(secret).verify(body, headers));
});

test('a secret has 32 random bytes', () => {
  const secret = newWebhookSecret(rng);
  assert.match(secret, /^whsec_[0-9A-Za-z+/]{43}=$/);
  assert.notEqual(secret, newWebhookSecret(rng));
});
