import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { Heliu } from '@heliu/sdk';
import { isBodyOf, isSignedBy, isTimely, readSignature } from '@heliu/server/access/signature.ts';

test('A-02: what the SDK signs is what the API asks to be signed, with and without a body', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const baseUrl = 'http://127.0.0.1:7410';
  const sent: Request[] = [];
  const take = (url: string, init: RequestInit) => {
    sent.push(new Request(url, init));
    return Promise.resolve(Response.json({ object: 'payment' }));
  };
  const signing = { keyId: 'key_01JD0000000000000000000000', privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  const { payments } = new Heliu({ baseUrl, signing, runtime: { fetch: take } });
  await payments.retrieve('pay_1');
  await payments.sync('pay_1');
  await payments.create({ merchant_order_no: 'A|1', amount_fen: 1, subject: '茶', method: 'wechat_qr' });
  assert.equal(sent.length, 3);
  for (const request of sent) {
    const body = Buffer.from(await request.arrayBuffer());
    const headers = { ...Object.fromEntries(request.headers), 'content-length': String(body.length) };
    const claim = readSignature({ method: request.method, target: request.url.slice(baseUrl.length), headers, public_url: baseUrl });
    assert(claim);
    assert.equal(claim.keyid, signing.keyId);
    assert(isSignedBy(claim, publicKey) && isBodyOf(claim, body) && isTimely(claim, new Date(claim.created_s * 1000), 0));
  }
});
