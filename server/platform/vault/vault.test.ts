import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../kernel/secret.ts';
import { testCtx } from '../../testing/ctx.ts';
import { createTestRng } from '../../testing/rng.ts';
import { openDataKeys, rewrapDataKeys } from './data-keys.ts';
import { createVault, dataKey, type SealedPlace, VaultError } from './vault.ts';

const key_id = `dek_${'0'.repeat(26)}`;
const other_key_id = `dek_${'1'.repeat(26)}`;
const rng = createTestRng('vault');
const keyring = {
  active: key_id,
  keys: new Map([
    [key_id, dataKey(rng.bytes(32))],
    [other_key_id, dataKey(rng.bytes(32))],
  ]),
};
const vault = createVault(keyring, rng);
const place: SealedPlace = { table: 'channel_account_versions', column: 'secrets_sealed', merchant_id: 'mer_1', row: 'acc_1:1' };

describe('a sealed value', () => {
  test('opens at its place, whatever its text', () => {
    for (const plain of ['', 'secret', '密钥\u0000🔑', 'x'.repeat(100_000)]) assert.equal(vault.open(vault.seal(plain, place), place), plain);
  });

  test('J-05 opens nowhere else: other table, column, merchant or row', () => {
    const sealed = vault.seal('secret', place);
    for (const [name, value] of Object.entries({ table: 'webhook_endpoints', column: 'settings', merchant_id: 'mer_2', row: 'acc_1:2' })) {
      assert.throws(() => vault.open(sealed, { ...place, [name]: value }), VaultError, name);
    }
    // Places whose parts read alike when they are joined.
    assert.throws(() => vault.open(vault.seal('secret', { ...place, merchant_id: 'a', row: 'b:c' }), { ...place, merchant_id: 'a:b', row: 'c' }), VaultError);
  });

  test('B-14 does not open when any byte of it was changed, cut or added', () => {
    const sealed = vault.seal('secret', place);
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] as number) ^ 1;
      assert.throws(() => vault.open(changed, place), VaultError, `byte ${index}`);
    }
    for (let length = 0; length < sealed.length; length++) assert.throws(() => vault.open(sealed.subarray(0, length), place), VaultError, `length ${length}`);
    assert.throws(() => vault.open(Buffer.concat([sealed, Buffer.of(0)]), place), VaultError);
  });

  test('does not open with another key of the same name, or under the name of another key', () => {
    const sealed = vault.seal('secret', place);
    const stranger = createVault({ active: key_id, keys: new Map([[key_id, dataKey(rng.bytes(32))]]) }, rng);
    assert.throws(() => stranger.open(sealed, place), VaultError);
    const renamed = Buffer.from(sealed);
    renamed.write(other_key_id, 1, 'latin1');
    assert.throws(() => vault.open(renamed, place), VaultError);
    assert.throws(() => createVault({ active: other_key_id, keys: new Map() }, rng).open(sealed, place), /not open here/);
  });

  test('holds nothing of its text, and never the same nonce twice (I-47)', () => {
    const sealed = Array.from({ length: 1000 }, () => vault.seal('canary-4711', place));
    assert.equal(new Set(sealed.map((value) => value.subarray(31, 43).toString('hex'))).size, sealed.length);
    assert.ok(sealed.every((value) => !value.includes('canary')));
  });

  test('says nothing of its text when it does not open, and its keys do not print', () => {
    const sealed = vault.seal('canary-4711', place);
    const error = catching(() => vault.open(sealed, { ...place, row: 'other' }));
    assert.ok(!inspect(error).includes('canary'));
    assert.ok(!inspect(keyring, { depth: 5 }).includes(keyring.keys.get(key_id)?.export().toString('hex') ?? ''));
  });
});

function catching(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('data keys', () => {
  async function aNode(t: TestContext) {
    const node = await testCtx();
    t.after(node.close);
    const { db, clock } = node.ctx;
    return { db, clock, rng: createTestRng('data keys'), master_key: node.ctx.config.master_key };
  }
  const aMasterKey = () => new Secret(rng.bytes(32).toString('base64'));

  test('are made once when nodes start together, and are wrapped in the database', async (t) => {
    const node = await aNode(t);
    await node.db.kysely.deleteFrom('data_keys').execute();
    const rings = await Promise.all(Array.from({ length: 6 }, () => openDataKeys(node)));
    assert.equal(new Set(rings.map((ring) => ring.active)).size, 1);
    const rows = await node.db.kysely.selectFrom('data_keys').selectAll().execute();
    assert.equal(rows.length, 1);
    const plain = rings[0]?.keys.get(rings[0].active)?.export() as Buffer;
    assert.equal(plain.length, 32);
    assert.ok(!rows[0]?.wrapped.includes(plain));
  });

  test('do not open with another master key, and the message names both without telling them', async (t) => {
    const node = await aNode(t);
    const wrong = aMasterKey();
    await assert.rejects(openDataKeys({ ...node, master_key: wrong }), (error) => {
      assert.ok(error instanceof VaultError);
      assert.match(error.message, /wrapped by the master key named [0-9a-f]{16}, and HELIU_MASTER_KEY is the one named [0-9a-f]{16}/);
      assert.ok(!error.message.includes(wrong.expose()));
      return true;
    });
  });

  test('do not open when they were changed or swapped in the database', async (t) => {
    const node = await aNode(t);
    const row = await node.db.kysely.selectFrom('data_keys').selectAll().executeTakeFirstOrThrow();
    const wrapped = Buffer.from(row.wrapped);
    wrapped[20] = (wrapped[20] as number) ^ 1;
    await node.db.kysely.updateTable('data_keys').set({ wrapped }).execute();
    await assert.rejects(openDataKeys(node), /was changed in the database/);
    await node.db.kysely.updateTable('data_keys').set({ wrapped: row.wrapped, id: other_key_id }).execute();
    await assert.rejects(openDataKeys(node), /was changed in the database/);
  });

  test('J-07 are wrapped anew by another master key, once, and what they sealed still opens', async (t) => {
    const node = await aNode(t);
    const sealed = createVault(await openDataKeys(node), rng).seal('secret', place);
    const to = aMasterKey();
    const change = { db: node.db, rng, from: node.master_key, to };
    assert.equal(await rewrapDataKeys(change), 1);
    assert.equal(await rewrapDataKeys(change), 0);
    await assert.rejects(openDataKeys(node), VaultError);
    assert.equal(createVault(await openDataKeys({ ...node, master_key: to }), rng).open(sealed, place), 'secret');
    await assert.rejects(rewrapDataKeys({ ...change, to: aMasterKey() }), VaultError);
  });

  test('that are retired open what they sealed and seal nothing more', async (t) => {
    const node = await aNode(t);
    const before = await openDataKeys(node);
    const sealed = createVault(before, rng).seal('secret', place);
    await node.db.kysely.updateTable('data_keys').set({ state: 'retired' }).execute();
    const after = await openDataKeys(node);
    assert.notEqual(after.active, before.active);
    const vault = createVault(after, rng);
    assert.equal(vault.open(sealed, place), 'secret');
    assert.equal(vault.seal('x', place).toString('latin1', 1, 31), after.active);
  });
});
