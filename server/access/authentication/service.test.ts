import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { examples, scopes } from '@heliu/contract';
import { createSigner, httpbis } from 'http-message-signatures';
import { sha256 } from '../../kernel/digest.ts';
import { api_key_cache_ms_max, key_guesses_burst } from '../../kernel/limits.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { type SendOptions, startTestServer, type TestServer } from '../../platform/http/test-server.ts';
import { createApiKey, type NewApiKey, revokeApiKey } from '../service.ts';
import { aMerchant } from '../test-merchant.ts';
import { aSignedRequest, type RequestToSign } from '../test-signer.ts';
import { createAuthenticate } from './service.ts';

const public_url = 'https://pay.example';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const ed25519_public_key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');

let t: TestServer;
/** Keys whose news has reached this node. */
const heard = new Set<string>();
before(async () => {
  t = await startTestServer({ authenticateWith: createAuthenticate, config: { public_url } });
  t.ctx.changes.on('api_keys', (id) => heard.add(id));
});
after(() => t.close());

async function aKey(ctx: Ctx, change: Partial<NewApiKey> = {}, merchant: Parameters<typeof aMerchant>[1] = {}) {
  const merchant_id = change.merchant_id ?? (await aMerchant(ctx, merchant));
  const { api_key, secret } = await createApiKey(ctx, { merchant_id, livemode: false, name: 'test', scopes, ed25519_public_key, ...change });
  // What is read before the news arrives is dropped when it does: wait, so that a test sees a quiet node.
  await until(() => Promise.resolve(heard.has(api_key.id)));
  return { ...api_key, secret: secret.expose(), bearer: { authorization: `Bearer ${secret.expose()}` } };
}

const codeOf = (answer: { readonly body: unknown }) => (answer.body as { error?: { code: string } }).error?.code;
const list = (headers: Record<string, string>, server = t) => server.send('GET', '/v1/payments', { headers });
const now_s = () => Math.floor(t.clock.now().getTime() / 1000);
const signed = (change: Partial<RequestToSign> & { readonly keyid: string }) =>
  aSignedRequest({
    method: 'GET',
    public_url,
    target: '/v1/payments',
    private_key: privateKey,
    created: now_s(),
    nonce: randomBytes(12).toString('hex'),
    ...change,
  });

/** Sends a signed request; headers and body can be changed after it was signed. */
function sendSigned(
  change: Partial<RequestToSign> & { readonly keyid: string },
  then: { readonly method?: string; readonly target?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
) {
  const { 'content-length': _length, ...headers } = signed(change);
  const body = then.body ?? change.body;
  const options: SendOptions = { headers: { ...headers, ...then.headers }, ...(body === undefined ? {} : { body }) };
  return t.send(then.method ?? change.method ?? 'GET', then.target ?? change.target ?? '/v1/payments', options);
}
const body = JSON.stringify(examples.create_payment?.body);
const create = { method: 'POST', target: '/v1/payments', body } as const;

test('a key says who calls, and nothing in the request can change it', async () => {
  const key = await aKey(t.ctx, { scopes: ['payments:read'] });
  t.calls.length = 0;
  assert.equal((await list({ ...key.bearer, 'x-merchant-id': 'mer_other', 'x-livemode': 'true' })).status, 200);
  assert.deepEqual(t.calls[0]?.caller, { merchant_id: key.merchant_id, livemode: false, api_key_id: key.id, scopes: ['payments:read'] });
  assert.equal(codeOf(await t.send('POST', '/v1/payments', { headers: key.bearer, json: {} })), 'scope_missing');
});

test('A-01: every failure to authenticate gives the same answer', async () => {
  const key = await aKey(t.ctx);
  const expired = await aKey(t.ctx, { expires_at: addMs(t.clock.now(), -1) });
  const revoked = await aKey(t.ctx);
  await revokeApiKey(t.ctx, { merchant_id: revoked.merchant_id, api_key_id: revoked.id });
  const no_public_key = await createApiKey(t.ctx, { merchant_id: key.merchant_id, livemode: false, name: 'bearer only', scopes });
  const other_pair = generateKeyPairSync('ed25519').privateKey;
  const attempts: Record<string, Record<string, string>> = {
    'nothing at all': {},
    'empty bearer': { authorization: 'Bearer ' },
    'basic with the key': { authorization: `Basic ${Buffer.from(`${key.secret}:`).toString('base64')}` },
    'the key alone': { authorization: key.secret },
    'not the form of a key': { authorization: 'Bearer sk_test_short' },
    'unknown key': { authorization: `Bearer sk_test_${'A'.repeat(43)}` },
    'the key in the other mode': { authorization: `Bearer ${key.secret.replace('sk_test_', 'sk_live_')}` },
    'key with another end': { authorization: `Bearer ${key.secret.slice(0, -1)}${key.secret.endsWith('A') ? 'B' : 'A'}` },
    'key id instead of the key': { authorization: `Bearer ${key.id}` },
    'expired key': expired.bearer,
    'revoked key': revoked.bearer,
    'two keys': { authorization: `Bearer ${key.secret}, Bearer ${key.secret}` },
    'signature of an unknown key id': signed({ keyid: 'key_01KAK0ZZZZZZZZZZZZZZZZZZZZ' }),
    'signature of something that is no key id': signed({ keyid: 'test-key' }),
    'signature by another pair': signed({ keyid: key.id, private_key: other_pair }),
    'signature for a key without a public half': signed({ keyid: no_public_key.api_key.id }),
    'signature of an expired key': signed({ keyid: expired.id }),
    'signature of a revoked key': signed({ keyid: revoked.id }),
    'empty signature': { ...signed({ keyid: key.id }), signature: '' },
    'no signature input': { signature: signed({ keyid: key.id }).signature as string },
    'signature and key': { ...signed({ keyid: key.id }), ...key.bearer },
  };
  const answers = new Set<string>();
  for (const [what, headers] of Object.entries(attempts)) {
    const answer = await list(headers);
    assert.equal(answer.status, 401, what);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/, what);
    answers.add(answer.text.replace(answer.headers.get('request-id') as string, ''));
  }
  assert.deepEqual(answers.size, 1);
  assert.equal((await list(key.bearer)).status, 200);
});

test('a known key costs no statement, however often it is sent', async () => {
  const key = await aKey(t.ctx);
  await list(key.bearer);
  const before = await statements(t.ctx);
  for (let i = 0; i < 20; i++) assert.equal((await list(key.bearer)).status, 200);
  assert.equal(await statements(t.ctx), before);
});

async function statements(ctx: Ctx): Promise<number> {
  return Number(/^heliu_db_statements_total (\d+)/m.exec(await ctx.metrics.expose())?.[1]);
}

test('A-08: a revoked key and a suspended merchant stop at once, on this node and on another', async () => {
  const other = await startTestServer({ authenticateWith: createAuthenticate, config: { public_url }, beside: t });
  try {
    const key = await aKey(t.ctx);
    const suspended = await aKey(t.ctx);
    for (const node of [t, other]) for (const headers of [key.bearer, suspended.bearer]) assert.equal((await list(headers, node)).status, 200);
    await revokeApiKey(t.ctx, { merchant_id: key.merchant_id, api_key_id: key.id });
    await t.ctx.db.kysely.updateTable('merchants').set({ state: 'suspended' }).where('id', '=', suspended.merchant_id).execute();
    await t.ctx.changes.announce('merchants', suspended.merchant_id);
    for (const node of [t, other]) {
      await until(async () => codeOf(await list(key.bearer, node)) === 'unauthenticated');
      await until(async () => codeOf(await list(suspended.bearer, node)) === 'merchant_suspended');
    }
  } finally {
    await other.close();
  }
});

/** The news takes a moment through the database; a test that never hears it fails. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (await condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail('it never came to be');
}

test('A-08: while no news of changes arrives, keys are read for every request', async () => {
  const deaf: Pick<TestServer, 'ctx'>['ctx'] = { ...t.ctx, changes: { ...t.ctx.changes, connected: () => false } };
  const authenticate = createAuthenticate(deaf);
  const key = await aKey(t.ctx);
  const credentials = { method: 'GET', target: '/v1/payments', headers: key.bearer, address: '127.0.0.1' };
  await authenticate(credentials);
  await t.ctx.db.kysely.updateTable('api_keys').set({ state: 'revoked', revoked_at: t.clock.now() }).where('id', '=', key.id).execute();
  await assert.rejects(async () => authenticate(credentials), { message: 'unauthenticated' });
});

test('A-08: a key stops when it expires, without any news', async () => {
  const key = await aKey(t.ctx, { expires_at: addMs(t.clock.now(), 60_000) });
  assert.equal((await list(key.bearer)).status, 200);
  t.clock.advance(60_000);
  assert.equal(codeOf(await list(key.bearer)), 'unauthenticated');
});

test('a key made after it was tried in vain works at once', async () => {
  const { secret, merchant_id } = await aKey(t.ctx);
  await t.ctx.db.kysely.deleteFrom('api_keys').where('merchant_id', '=', merchant_id).execute();
  const bearer = { authorization: `Bearer ${secret}` };
  assert.equal(codeOf(await list(bearer)), 'unauthenticated');
  await t.ctx.db.kysely
    .insertInto('api_keys')
    .values({
      merchant_id,
      id: 'key_01KAK00000000000000000000A',
      livemode: false,
      name: 'late',
      secret_hash: sha256(secret),
      last4: 'late',
      scopes: [...scopes],
      created_at: t.clock.now(),
    })
    .execute();
  await t.ctx.changes.announce('api_keys', 'key_01KAK00000000000000000000A');
  await until(async () => (await list(bearer)).status === 200);
});

test('A-21: a key that sends too much is told to wait, and others are not', async () => {
  const other = await startTestServer({ authenticateWith: createAuthenticate, beside: t, config: { rate_limit_per_s: 2 } });
  try {
    const [busy, quiet] = [await aKey(t.ctx), await aKey(t.ctx)];
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await list(busy.bearer, other)).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
    const refused = await list(busy.bearer, other);
    assert.deepEqual([codeOf(refused), refused.headers.get('retry-after')], ['rate_limited', '1']);
    assert.equal((await list(quiet.bearer, other)).status, 200);
    t.clock.advance(500);
    assert.equal((await list(busy.bearer, other)).status, 200);
    assert.equal((await list(busy.bearer, other)).status, 429);
  } finally {
    await other.close();
  }
});

test('A-21: whoever tries keys that no one has is soon refused without a look into the database, and good keys go on', async () => {
  const key = await aKey(t.ctx);
  const authenticate = createAuthenticate(t.ctx);
  const from = (address: string, secret: string) =>
    Promise.resolve(authenticate({ method: 'GET', target: '/v1/payments', headers: { authorization: `Bearer ${secret}` }, address }));
  const guess = () => `sk_test_${randomBytes(32).toString('base64url')}`;
  await from('198.51.100.1', key.secret);
  for (let i = 0; i < key_guesses_burst; i++) await assert.rejects(from('198.51.100.1', guess()), { message: 'unauthenticated' });
  const before = await statements(t.ctx);
  await assert.rejects(from('198.51.100.1', guess()), { message: 'rate_limited' });
  assert.equal(await statements(t.ctx), before);
  assert.equal((await from('198.51.100.1', key.secret)).caller.api_key_id, key.id);
  t.clock.advance(api_key_cache_ms_max + 1);
  for (let i = 0; i < key_guesses_burst; i++) await assert.rejects(from('198.51.100.1', guess()), { message: 'unauthenticated' });
  await assert.rejects(from('198.51.100.1', guess()), { message: 'rate_limited' });
  assert.equal((await from('198.51.100.1', key.secret)).caller.api_key_id, key.id, 'read again although its address is used for guessing');
  await assert.rejects(from('198.51.100.2', guess()), { message: 'unauthenticated' });
});

test('takes requests that two libraries of others signed', async () => {
  const key = await aKey(t.ctx);
  assert.equal((await sendSigned({ keyid: key.id })).status, 200);
  assert.equal((await sendSigned({ keyid: key.id, target: '/v1/payments?state=paid&limit=5' })).status, 200);
  assert.equal((await sendSigned({ keyid: key.id, ...create, idempotency_key: 'order-1' })).status, 201);
  assert.equal(
    (await sendSigned({ keyid: key.id, ...create, components: ['@method', '@authority', '@path', '@query', 'content-type', 'content-digest'] })).status,
    201,
  );

  const headers = { 'content-type': 'application/json', 'content-digest': `sha-256=:${sha256(body).toString('base64')}:` };
  const message = await httpbis.signMessage(
    {
      key: createSigner(privateKey, 'ed25519', key.id),
      fields: ['@method', '@target-uri', 'content-digest'],
      params: ['created', 'keyid', 'nonce', 'alg'],
      paramValues: { created: t.clock.now(), nonce: randomBytes(12).toString('hex') },
    },
    { method: 'POST', url: `${public_url}/v1/payments`, headers },
  );
  const answer = await t.send('POST', '/v1/payments', { headers: message.headers as Record<string, string>, body });
  assert.equal(answer.status, 201, answer.text);
});

test('A-02: refuses a request that was changed in anything after it was signed', async () => {
  const key = await aKey(t.ctx);
  const signing = { keyid: key.id, ...create, idempotency_key: 'order-1' };
  t.calls.length = 0;
  const changes: Record<string, Parameters<typeof sendSigned>[1]> = {
    'one byte of the body': { body: body.replace('1280', '1281') },
    'a space in the body': { body: `${body} ` },
    'a body that is not JSON': { body: '{' },
    'no body': { body: '' },
    path: { target: '/v1/refunds' },
    'a query added': { target: '/v1/payments?x=1' },
    'an empty query added': { target: '/v1/payments?' },
    'another idempotency key': { headers: { 'idempotency-key': 'order-2' } },
    'another digest': { headers: { 'content-digest': `sha-256=:${sha256('{}').toString('base64')}:` }, body: '{}' },
  };
  for (const [what, change] of Object.entries(changes)) {
    const answer = await sendSigned(signing, change);
    assert.deepEqual([answer.status, codeOf(answer)], [401, 'unauthenticated'], what);
  }
  assert.equal(codeOf(await sendSigned({ keyid: key.id, target: '/v1/payments' }, { method: 'POST', body })), 'unauthenticated');
  assert.equal(codeOf(await sendSigned({ keyid: key.id, target: '/v1/payments?limit=1' }, { target: '/v1/payments?limit=2' })), 'unauthenticated');
  assert.equal(codeOf(await sendSigned({ keyid: key.id }, { headers: { 'idempotency-key': 'added' } })), 'unauthenticated');
  assert.equal(t.calls.length, 0);
});

test('A-23: a signature for another installation is not good here, whatever Host says', async () => {
  const key = await aKey(t.ctx);
  assert.equal(codeOf(await sendSigned({ keyid: key.id, public_url: 'https://other.example' })), 'unauthenticated');
  assert.equal(codeOf(await sendSigned({ keyid: key.id, public_url: t.url })), 'unauthenticated');
});

test('A-04: refuses an algorithm other than that of the key', async () => {
  const key = await aKey(t.ctx);
  for (const alg of ['none', 'hmac-sha256', 'rsa-pss-sha512']) assert.equal(codeOf(await sendSigned({ keyid: key.id, alg })), 'unauthenticated', alg);
});

test('A-05: takes a nonce once for each key, on every node, and again only when the signature would be too old', async () => {
  const other = await startTestServer({ authenticateWith: createAuthenticate, config: { public_url }, beside: t });
  try {
    const [key, second] = [await aKey(t.ctx), await aKey(t.ctx)];
    const headers = signed({ keyid: key.id });
    assert.equal((await list(headers)).status, 200);
    for (const node of [t, other]) {
      const replay = await list(headers, node);
      assert.deepEqual([replay.status, codeOf(replay)], [409, 'signature_replayed']);
    }
    const nonce = /nonce="([^"]+)"/.exec(headers['signature-input'] as string)?.[1] as string;
    assert.equal(codeOf(await sendSigned({ keyid: key.id, nonce, target: '/v1/payments?limit=1' })), 'signature_replayed');
    assert.equal((await sendSigned({ keyid: second.id, nonce })).status, 200);
    t.clock.advance(299_000);
    assert.equal(codeOf(await list(headers)), 'signature_replayed');
    t.clock.advance(2_000);
    assert.equal(codeOf(await list(headers)), 'signature_expired');
  } finally {
    await other.close();
  }
});

test('A-05: of many copies sent at the same time one is taken', async () => {
  const key = await aKey(t.ctx);
  const headers = signed({ keyid: key.id });
  const answers = await Promise.all(Array.from({ length: 10 }, () => list(headers)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 9 }, () => 409)]);
});

test('A-05: a signature from too long ago, from the future, or past its own end is refused and burns no nonce', async () => {
  const key = await aKey(t.ctx);
  const nonce = randomBytes(12).toString('hex');
  for (const change of [{ created: now_s() - 301 }, { created: now_s() + 301 }, { expires: now_s() - 1 }]) {
    const answer = await sendSigned({ keyid: key.id, nonce, ...change });
    assert.deepEqual([answer.status, codeOf(answer)], [401, 'signature_expired'], JSON.stringify(change));
  }
  assert.equal(codeOf(await sendSigned({ keyid: key.id, ...create, nonce }, { body: '{}' })), 'unauthenticated');
  assert.equal((await sendSigned({ keyid: key.id, nonce, expires: now_s() + 10 })).status, 200);
});

test('a merchant that asks for signatures takes no bare key, and says so only to whoever has one', async () => {
  const key = await aKey(t.ctx, {}, { signature_required: true });
  const refused = await list(key.bearer);
  assert.deepEqual([refused.status, codeOf(refused)], [401, 'signature_required']);
  assert.equal((await sendSigned({ keyid: key.id })).status, 200);
});

test('no key, no nonce and no signature is ever logged', () => {
  const log = t.log_lines.map((line) => JSON.stringify(line)).join('\n');
  assert.ok(log.length > 0);
  assert.doesNotMatch(log, /sk_(test|live)_|nonce|sig=/);
});
