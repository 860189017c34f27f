import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type InnerList, parseDictionary, serializeInnerList } from 'structured-headers';
import { isTimely, readSignature, type SignedRequest, signatureBase } from './signature.ts';
import { aSignedRequest } from './test-signer.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const request = {
  method: 'POST',
  public_url: 'https://pay.example',
  target: '/v1/payments?a=1',
  body: '{"amount_fen":1}',
  keyid: 'key_01KAK000000000000000000000',
  private_key: privateKey,
};
const read = (
  change: Partial<Parameters<typeof aSignedRequest>[0]>,
  then: (headers: Record<string, string>) => Record<string, string | undefined> = (headers) => headers,
) => {
  const input = { ...request, ...change };
  return readSignature({
    method: input.method,
    public_url: input.public_url,
    target: input.target,
    headers: then(aSignedRequest(input)) as Record<string, string>,
  });
};

/** @see https://www.rfc-editor.org/rfc/rfc9421#appendix-B.2.6 */
test('RFC 9421, B.2.6: the base is that of the RFC, and its signature holds under the key of the RFC', () => {
  const public_key = createPublicKey('-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n');
  const message: SignedRequest = {
    method: 'POST',
    public_url: 'https://example.com',
    target: '/foo?param=Value&Pet=dog',
    headers: {
      host: 'example.com',
      date: 'Tue, 20 Apr 2021 02:07:55 GMT',
      'content-type': 'application/json',
      'content-length': '18',
      'signature-input': 'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      signature: 'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
    },
  };
  const input = parseDictionary(message.headers['signature-input'] as string).get('sig-b26') as InnerList;
  const [signature] = parseDictionary(message.headers.signature as string).get('sig-b26') as [ArrayBuffer, unknown];
  const base = signatureBase(
    message,
    input[0].map(([name]) => name as string),
    serializeInnerList(input),
  );
  assert.equal(
    base,
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    ].join('\n'),
  );
  assert.ok(verify(null, Buffer.from(base), public_key, Buffer.from(signature)));
  // It covers neither query nor body and has no nonce: good by the RFC, not enough for money.
  assert.equal(readSignature(message), undefined);
});

test('A-03: two different requests never share one text to sign', () => {
  const targets = [
    '/v1/payments',
    '/v1/payments?',
    '/v1/payments?a=1&b=2',
    '/v1/payments?a=1%26b=2',
    '/v1/./payments',
    '/v1/x/../payments',
    '/v1/payments/',
    '/v1//payments',
    '/V1/payments',
    '/v1/payments%2F',
    '/v1/payments?b=2&a=1',
  ];
  for (const components of [
    ['@method', '@target-uri', 'content-digest'],
    ['@method', '@path', '@query', 'content-digest'],
  ]) {
    const bases = targets.map((target) => {
      const claim = read({ target, components });
      assert.ok(claim, target);
      return claim.base.replace(/"@signature-params".*/, '');
    });
    // RFC 9421, 2.2.7: an absent and an empty query are one, so only the target URI tells these apart.
    assert.equal(new Set(bases).size, components.includes('@target-uri') ? targets.length : targets.length - 1);
  }
});

test('A-02: refuses a signature that leaves out what decides the request', () => {
  const all = ['@method', '@target-uri', 'content-digest', 'idempotency-key'];
  assert.ok(read({ components: all, idempotency_key: 'k' }));
  for (const left_out of all) assert.equal(read({ components: all.filter((name) => name !== left_out), idempotency_key: 'k' }), undefined, left_out);
  assert.equal(read({ components: ['@method', '@path', 'content-digest'] }), undefined);
  assert.equal(read({ components: ['@method', '@query', 'content-digest'] }), undefined);
  assert.ok(read({ components: ['@method', '@target-uri'], method: 'GET', body: undefined }));
  assert.equal(
    read({ components: ['@method', '@target-uri'], method: 'GET', body: undefined }, (headers) => ({ ...headers, 'transfer-encoding': 'chunked' })),
    undefined,
  );
});

test('A-04: refuses any algorithm but ed25519, whatever its spelling', () => {
  assert.ok(read({ alg: 'ed25519' }));
  assert.ok(read({ alg: undefined }));
  for (const alg of ['none', 'ED25519', 'Ed25519', 'hmac-sha256', 'rsa-v1_5-sha256', 'rsa-pss-sha512', 'ecdsa-p256-sha256', ''])
    assert.equal(read({ alg }), undefined, alg);
});

test('refuses a claim that lacks a parameter or has it in another form', () => {
  for (const change of [
    { nonce: undefined },
    { nonce: 'short' },
    { nonce: 'x'.repeat(129) },
    { nonce: 'has spaces in the middle' },
    { keyid: undefined },
    { created: undefined },
  ] as const) {
    assert.equal(read(change as object), undefined, JSON.stringify(change));
  }
});

test('refuses malformed, doubled, mislabelled and parameterised signatures, and never throws', () => {
  const change = (field: string, edit: (text: string) => string | undefined) =>
    read({}, (headers) => ({ ...headers, [field]: edit(headers[field] as string) }));
  assert.ok(change('signature', (text) => text));
  assert.equal(
    change('signature', () => undefined),
    undefined,
  );
  assert.equal(
    change('signature-input', () => undefined),
    undefined,
  );
  assert.equal(
    change('signature', (text) => text.replace('sig=', 'other=')),
    undefined,
  );
  assert.equal(
    change('signature', (text) => `${text}, ${text.replace('sig=', 'b=')}`),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => `${text}, ${text.replace('sig=', 'b=')}`),
    undefined,
  );
  assert.equal(
    change('signature', () => 'sig=:AAAA:'),
    undefined,
  );
  assert.equal(
    change('signature', () => 'sig="text"'),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@method" "@method"')),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@method";req')),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@METHOD"')),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@method" "@status"')),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@method" "x-absent"')),
    undefined,
  );
  assert.equal(
    change('signature-input', (text) => text.replace('"@method"', '"@method" "signature"')),
    undefined,
  );
  assert.equal(
    change('content-digest', () => 'sha-512=:AAAA:'),
    undefined,
  );
  assert.equal(
    change('content-digest', () => undefined),
    undefined,
  );
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (signature, input, digest) => {
      assert.equal(readSignature({ ...request, headers: { signature, 'signature-input': input, 'content-digest': digest } }), undefined);
    }),
  );
});

test('A-05: is timely within the window on both sides, and before it expires', () => {
  const claim = { created_s: 1_000, expires_s: undefined } as Parameters<typeof isTimely>[0];
  const at = (seconds: number) => new Date(seconds * 1000);
  assert.deepEqual(
    [699, 700, 1_000, 1_300, 1_300.001].map((now) => isTimely(claim, at(now), 300)),
    [false, true, true, true, false],
  );
  assert.deepEqual(
    [1_050, 1_051].map((now) => isTimely({ ...claim, expires_s: 1_050 }, at(now), 300)),
    [true, false],
  );
});
