import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVerifier, httpbis } from 'http-message-signatures';
import { createSigner, type SigningKey } from './signature.ts';
import { paymentReply, type Recorded, scriptedApi } from './testing/scripted-api.ts';

const pair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, publicKey };
};

/** Verifies as a stranger would: with a library that is not ours, from what came over the wire. */
function verifies(request: Recorded, baseUrl: string, publicKey: KeyObject): Promise<boolean | null> {
  const digest = createHash('sha256').update(request.body).digest('base64');
  if (request.headers['content-digest'] !== `sha-256=:${digest}:`) return Promise.resolve(false);
  return httpbis.verifyMessage(
    {
      keyLookup: () =>
        Promise.resolve({
          id: 'key_1',
          algs: ['ed25519'],
          verify: createVerifier(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), 'ed25519'),
        }),
      requiredFields: ['@method', '@target-uri', 'content-digest', ...('idempotency-key' in request.headers ? ['idempotency-key'] : [])],
      requiredParams: ['created', 'nonce', 'keyid', 'alg'],
    },
    { method: request.method, url: `${baseUrl}${request.url}`, headers: request.headers as Record<string, string> },
  );
}

test('A-02: signed requests verify with http-message-signatures, and no part of one can be changed', async (t) => {
  const { pem, publicKey } = pair();
  const api = await scriptedApi([paymentReply()]);
  t.after(api.close);
  const client = api.client({ signing: { keyId: 'key_1', privateKey: pem } });
  await client.payments.retrieveByOrderNo('a|b*c@d');
  await client.payments.create({ merchant_order_no: 'A-1', amount_fen: 1, subject: '一杯茶', method: 'wechat_qr' });
  await client.payments.close('pay_1');
  assert.equal(api.requests.length, 3);
  for (const request of api.requests) {
    assert.equal(request.headers.authorization, undefined);
    assert.equal(await verifies(request, api.baseUrl, publicKey), true);
    assert.equal(await verifies({ ...request, body: `${request.body} ` }, api.baseUrl, publicKey), false);
    assert.equal(await verifies({ ...request, url: `${request.url}?x=1` }, api.baseUrl, publicKey), false);
    if ('idempotency-key' in request.headers) {
      assert.equal(await verifies({ ...request, headers: { ...request.headers, 'idempotency-key': 'another' } }, api.baseUrl, publicKey), false);
    }
    assert.equal(await verifies({ ...request, method: 'DELETE' }, api.baseUrl, publicKey), false);
    assert.equal(await verifies(request, api.baseUrl, pair().publicKey), false);
  }
});

test('A-05: every try has a nonce of its own under the one idempotency key', async (t) => {
  const { pem, publicKey } = pair();
  const api = await scriptedApi(['drop', { status: 502, text: '' }, paymentReply()]);
  t.after(api.close);
  await api.client({ signing: { keyId: 'key_1', privateKey: pem } }).payments.sync('pay_1');
  const nonces = api.requests.map((request) => /nonce="([0-9a-f]{32})"/.exec(String(request.headers['signature-input']))?.[1]);
  assert.equal(new Set(nonces).size, 3);
  assert.equal(new Set(api.requests.map((request) => request.headers['idempotency-key'])).size, 1);
  for (const request of api.requests) assert.equal(await verifies(request, api.baseUrl, publicKey), true);
});

test('any body and any URL give a signature that verifies', async () => {
  const { pem, publicKey } = pair();
  const sign = createSigner({ keyId: 'key_1', privateKey: pem });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.webPath(), fc.stringMatching(/^[0-9a-f]{32}$/), async (body, url, nonce) => {
      const headers = await sign({
        method: 'POST',
        url: `https://pay.example.com${url}`,
        body: new TextEncoder().encode(body),
        idempotencyKey: undefined,
        created_s: 1_795_305_600,
        nonce,
      });
      assert.equal(await verifies({ method: 'POST', url, headers, body }, 'https://pay.example.com', publicKey), true);
    }),
    { numRuns: 50 },
  );
});

test('takes a WebCrypto key, and refuses what is no Ed25519 key without showing it', async (t) => {
  const api = await scriptedApi([paymentReply()]);
  t.after(api.close);
  const { privateKey } = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as { privateKey: SigningKey };
  await api.client({ signing: { keyId: 'key_1', privateKey } }).payments.sync('pay_1');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  for (const pem of [rsa, 'CANARY', '-----BEGIN PRIVATE KEY-----\nCANARY==\n-----END PRIVATE KEY-----']) {
    await assert.rejects(
      api.client({ signing: { keyId: 'key_1', privateKey: pem } }).payments.sync('pay_1'),
      (error) => error instanceof TypeError && !/CANARY|MII/.test(error.message),
    );
  }
  assert.equal(api.requests.length, 1);
  assert.throws(() => createSigner({ keyId: 'key"1', privateKey: 'x' }), TypeError);
});
