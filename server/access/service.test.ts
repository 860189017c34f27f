import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { scopes } from '@heliu/contract';
import { sha256 } from '../kernel/digest.ts';
import { api_keys_per_merchant_max, idempotency_days } from '../kernel/limits.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { createApiKey, listApiKeys, revokeApiKey, sweepAccess } from './service.ts';
import { aMerchant } from './test-merchant.ts';

let t: TestCtx;
before(async () => {
  t = await testCtx();
});
after(() => t.close());

const input = { livemode: false, name: 'ERP', scopes: ['payments:read', 'refunds:write'] } as const;
const refused = (code: string, param?: string) => (error: { refusal?: { refused: string; param?: string } }) => {
  assert.deepEqual([error.refusal?.refused, error.refusal?.param], [code, param]);
  return true;
};

test('a key has 256 random bits, says its mode, and is kept only as a hash', async () => {
  const merchant_id = await aMerchant(t.ctx);
  const { api_key, secret } = await createApiKey(t.ctx, { ...input, merchant_id });
  const live = await createApiKey(t.ctx, { ...input, merchant_id, livemode: true });
  assert.match(secret.expose(), /^sk_test_[A-Za-z0-9_-]{43}$/);
  assert.match(live.secret.expose(), /^sk_live_[A-Za-z0-9_-]{43}$/);
  assert.match(api_key.id, /^key_[0-9A-Z]{26}$/);
  const { rows } = await t.ctx.db.kysely
    .selectFrom('api_keys')
    .selectAll()
    .where('merchant_id', '=', merchant_id)
    .execute()
    .then((all) => ({ rows: all }));
  assert.ok(rows.some((row) => row.secret_hash.equals(sha256(secret.expose()))));
  assert.ok(!JSON.stringify(rows).includes(secret.expose().slice(8, 40)));
  assert.equal(api_key.last4, secret.expose().slice(-4));
  assert.equal(JSON.stringify({ api_key, secret }).includes(secret.expose().slice(8, 40)), false);
});

test('lists a merchant’s keys, newest first, without their hashes', async () => {
  const merchant_id = await aMerchant(t.ctx);
  const first = await createApiKey(t.ctx, { ...input, merchant_id });
  t.clock.advance(1);
  const second = await createApiKey(t.ctx, { ...input, merchant_id, expires_at: new Date('2027-01-01T00:00:00Z') });
  await createApiKey(t.ctx, { ...input, merchant_id: await aMerchant(t.ctx) });
  assert.deepEqual(await listApiKeys(t.ctx, merchant_id), [second.api_key, first.api_key]);
});

test('A-07: revokes once and for ever; a key of another merchant is not there', async () => {
  const merchant_id = await aMerchant(t.ctx);
  const { api_key } = await createApiKey(t.ctx, { ...input, merchant_id });
  await assert.rejects(revokeApiKey(t.ctx, { merchant_id: await aMerchant(t.ctx), api_key_id: api_key.id }), refused('api_key_not_found'));
  assert.equal((await listApiKeys(t.ctx, merchant_id))[0]?.state, 'active');
  const revoked = await revokeApiKey(t.ctx, { merchant_id, api_key_id: api_key.id });
  assert.deepEqual([revoked.state, revoked.revoked_at], ['revoked', t.clock.now()]);
  t.clock.advance(1_000);
  assert.deepEqual(await revokeApiKey(t.ctx, { merchant_id, api_key_id: api_key.id }), revoked);
});

test('takes only Ed25519 public keys, and merchants that exist', async () => {
  const merchant_id = await aMerchant(t.ctx);
  const spki = (key: { export: (options: { format: 'der'; type: 'spki' }) => Buffer }) => key.export({ format: 'der', type: 'spki' }).toString('base64');
  const good = spki(generateKeyPairSync('ed25519').publicKey);
  assert.equal((await createApiKey(t.ctx, { ...input, merchant_id, ed25519_public_key: good })).api_key.ed25519_public_key, good);
  const rsa = spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
  for (const ed25519_public_key of [rsa, spki(generateKeyPairSync('x25519').publicKey), 'not a key', '']) {
    await assert.rejects(createApiKey(t.ctx, { ...input, merchant_id, ed25519_public_key }), refused('parameter_invalid', 'ed25519_public_key'));
  }
  await assert.rejects(createApiKey(t.ctx, { ...input, merchant_id: 'mer_01KAK000000000000000000000' }), refused('merchant_not_found', 'merchant_id'));
});

test('a merchant has a limited number of keys, also when the last ones are made at the same time', async () => {
  const merchant_id = await aMerchant(t.ctx);
  const made = await Promise.allSettled(Array.from({ length: api_keys_per_merchant_max + 5 }, () => createApiKey(t.ctx, { ...input, merchant_id, scopes })));
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, api_keys_per_merchant_max);
  const [newest] = await listApiKeys(t.ctx, merchant_id);
  await revokeApiKey(t.ctx, { merchant_id, api_key_id: newest?.id as string });
  await createApiKey(t.ctx, { ...input, merchant_id });
  await assert.rejects(createApiKey(t.ctx, { ...input, merchant_id }), refused('too_many_api_keys'));
});

test('sweeps nonces and idempotency keys that are past their term, and no others', async () => {
  const now = t.clock.now().getTime();
  const day_ms = 86_400_000;
  const { kysely } = t.ctx.db;
  const nonce = (name: string, expires_ms: number) => ({ merchant_id: 'mer_A', api_key_id: 'key_A', nonce: name, expires_at: new Date(expires_ms) });
  const key = (name: string, created_ms: number) => ({
    merchant_id: 'mer_A',
    livemode: false,
    key: name,
    operation: 'o',
    request_hash: Buffer.alloc(32),
    object_id: 'x',
    created_at: new Date(created_ms),
  });
  await kysely
    .insertInto('request_nonces')
    .values([nonce('old', now - 300_001), nonce('within the margin', now - 299_000), nonce('new', now + 1)])
    .execute();
  await kysely
    .insertInto('idempotency_keys')
    .values([key('old', now - idempotency_days * day_ms - 1), key('kept', now - idempotency_days * day_ms + 1)])
    .execute();
  assert.deepEqual(await sweepAccess(t.ctx), { nonces: 1, idempotency_keys: 1, more: false });
  assert.deepEqual(
    (await kysely.selectFrom('request_nonces').select('nonce').orderBy('nonce').execute()).map((row) => row.nonce),
    ['new', 'within the margin'],
  );
  assert.deepEqual(
    (await kysely.selectFrom('idempotency_keys').select('key').execute()).map((row) => row.key),
    ['kept'],
  );
  assert.deepEqual(await sweepAccess(t.ctx), { nonces: 0, idempotency_keys: 0, more: false });
});
