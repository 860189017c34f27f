import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CachedKey, createKeyCache } from './key-cache.ts';

const limits = { entries_max: 3, age_ms_max: 1_000 };
const aKey = (id: string, merchant_id = 'mer_A', read_ms = 0) => ({ key: { id, merchant_id }, read_ms }) as unknown as CachedKey;

test('A-08: a result that was read before a change is not stored after it', () => {
  const cache = createKeyCache(limits);
  for (const change of [() => cache.dropKey('key_1'), () => cache.dropMerchant('mer_A'), () => cache.dropAll()]) {
    const generation = cache.generation();
    change();
    cache.store('hash', aKey('key_1'), generation);
    assert.equal(cache.find('hash', 0), undefined);
    cache.store('nobody', null, generation);
    assert.equal(cache.find('nobody', 0), undefined);
  }
});

test('drops a key under its hash and its id, and all keys of a merchant, and leaves the others', () => {
  const cache = createKeyCache({ ...limits, entries_max: 10 });
  const [one, two, three] = [aKey('key_1'), aKey('key_2'), aKey('key_3', 'mer_B')];
  cache.store('hash 1', one, cache.generation());
  cache.store('key_1', one, cache.generation());
  cache.store('hash 2', two, cache.generation());
  cache.store('hash 3', three, cache.generation());
  cache.dropKey('key_1');
  assert.deepEqual(
    ['hash 1', 'key_1', 'hash 2', 'hash 3'].map((name) => cache.find(name, 0)?.key.id),
    [undefined, undefined, 'key_2', 'key_3'],
  );
  cache.dropMerchant('mer_A');
  assert.deepEqual(
    ['hash 2', 'hash 3'].map((name) => cache.find(name, 0)?.key.id),
    [undefined, 'key_3'],
  );
  cache.dropAll();
  assert.equal(cache.find('hash 3', 0), undefined);
});

test('remembers who is no key until any key changes', () => {
  const cache = createKeyCache(limits);
  cache.store('nobody', null, cache.generation());
  assert.equal(cache.find('nobody', 0), null);
  cache.dropKey('key_9');
  assert.equal(cache.find('nobody', 0), undefined);
});

test('remembers that a dropped name belonged to a key, until it is read as none', () => {
  const cache = createKeyCache(limits);
  cache.store('hash', aKey('key_1'), cache.generation());
  cache.dropKey('key_1');
  assert.deepEqual([cache.find('hash', 0), cache.wasKey('hash'), cache.wasKey('other')], [undefined, true, false]);
  cache.store('hash', null, cache.generation());
  assert.deepEqual([cache.find('hash', 0), cache.wasKey('hash')], [null, false]);
});

test('does not believe a key that was read too long ago', () => {
  const cache = createKeyCache(limits);
  cache.store('hash', aKey('key_1', 'mer_A', 500), cache.generation());
  assert.ok(cache.find('hash', 1_500));
  assert.equal(cache.find('hash', 1_501), undefined);
});

test('holds no more than its limit, of keys and of names that are none', () => {
  const cache = createKeyCache(limits);
  for (let i = 0; i < 10; i++) {
    cache.store(`hash ${i}`, aKey(`key_${i}`), cache.generation());
    cache.store(`nobody ${i}`, null, cache.generation());
  }
  const names = Array.from({ length: 10 }, (_, i) => i);
  assert.equal(names.filter((i) => cache.find(`hash ${i}`, 0)).length, 3);
  assert.ok(names.filter((i) => cache.find(`nobody ${i}`, 0) === null).length <= 3);
});
