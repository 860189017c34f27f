import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Quota } from '@heliu/contract';
import fc from 'fast-check';
import { type Fen, toFen } from '../kernel/money.ts';
import {
  asReserved,
  type Bucket,
  bucketsOf,
  type Counter,
  hasRoom,
  newShares,
  partOf,
  quota_shards,
  type Reservation,
  reserve,
  reserveWhereRoom,
  roomOf,
  settle,
} from './quota.ts';

const quota = (fields: Partial<Quota> = {}): Quota => ({ per: 'day', of: 'account', amount_fen_max: 1_000, ...fields });
const at = new Date('2026-11-22T15:59:59.999Z');
const after_midnight = new Date('2026-11-22T16:00:00.000Z');

describe('the counters of a payment', () => {
  it('are those of its day and month in Shanghai', () => {
    const quotas = [quota(), quota({ per: 'month' })];
    const names = (time: Date) => bucketsOf(quotas, undefined, time).map(({ name }) => name);
    assert.deepEqual(names(at), ['d2026-11-22', 'm2026-11']);
    assert.deepEqual(names(after_midnight), ['d2026-11-23', 'm2026-11']);
    assert.deepEqual(names(new Date('2026-11-30T16:00:00.000Z')), ['d2026-12-01', 'm2026-12']);
  });
  it('are of the payer too, where the payer is known', () => {
    const quotas = [quota({ of: 'payer' })];
    assert.deepEqual(
      bucketsOf(quotas, 'P', at).map(({ name }) => name),
      ['d2026-11-22/P'],
    );
    assert.deepEqual(bucketsOf(quotas, undefined, at), []);
  });
});

it('shares add up to the limit, whatever it is', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n }), fc.integer({ min: 1, max: 16 }), (limit, shards) => {
      const parts = Array.from({ length: shards }, (_, shard) => partOf(limit, shards, shard));
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0n),
        limit,
      );
    }),
  );
});

/** What the database does with a reservation: all of it, or nothing where a counter would pass its share. */
function write(counters: Counter[], reservations: readonly Reservation[]): boolean {
  const next = reservations.map(({ bucket, shard, fen, count, share_fen, share_count }) => {
    const known = counters.find((counter) => counter.bucket === bucket && counter.shard === shard);
    const was = known ?? { bucket, shard, used_fen: 0n as Fen, used_count: 0, share_fen, share_count, shared: true };
    return { ...was, used_fen: (was.used_fen + fen) as Fen, used_count: was.used_count + count };
  });
  if (next.some((each) => (each.share_fen !== null && each.used_fen > each.share_fen) || (each.share_count !== null && each.used_count > each.share_count)))
    return false;
  for (const each of next) {
    const known = counters.findIndex((counter) => counter.bucket === each.bucket && counter.shard === each.shard);
    if (known >= 0) counters.splice(known, 1, each);
    else counters.push(each);
  }
  return true;
}
const used = (counters: readonly Counter[]) => counters.reduce((sum, { used_fen }) => sum + used_fen, 0n);

it('a quota is used to its last fen and never beyond, whatever is paid', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 60 }),
      (limit, count_max, amounts) => {
        const buckets: Bucket[] = [{ name: 'd', quota: quota({ amount_fen_max: limit, count_max }) }];
        const counters: Counter[] = [];
        let left = BigInt(limit);
        let count = 0;
        for (const [turn, amount] of amounts.entries()) {
          const fits = BigInt(amount) <= left && count < count_max;
          const taken = write(counters, reserve(buckets, toFen(amount), turn % quota_shards));
          const placed = taken ? undefined : reserveWhereRoom(buckets, counters, toFen(amount));
          assert.equal(taken || placed !== undefined, fits);
          if (placed) assert.ok(write(counters, placed), 'where room was found there is room');
          if (fits) {
            left -= BigInt(amount);
            count += 1;
          }
          assert.equal(used(counters), BigInt(limit) - left);
        }
      },
    ),
  );
});

it('a changed limit is divided anew, and what was used stays used', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 8, maxLength: 8 }), fc.integer({ min: 1, max: 2_000 }), (before, limit) => {
      const counters = before.map(
        (fen, shard): Counter => ({ bucket: 'd', shard, used_fen: toFen(fen), used_count: 1, share_fen: toFen(200), share_count: null, shared: true }),
      );
      const after = newShares(counters, quota({ amount_fen_max: limit }));
      const all = after.reduce((sum, { share_fen }) => sum + (share_fen ?? 0n), 0n);
      const total = used(counters);
      assert.equal(all, total > BigInt(limit) ? total : BigInt(limit));
      assert.ok(after.every(({ used_fen, share_fen }) => share_fen !== null && share_fen >= used_fen));
      assert.equal(hasRoom(roomOf({ name: 'd', quota: quota() }, after), toFen(1)), total < BigInt(limit));
    }),
  );
});

describe('what becomes of a reservation', () => {
  const reserved = asReserved(reserve(bucketsOf([quota(), quota({ per: 'month' })], undefined, at), toFen(100), 3));
  const held = (state: string, paid_at: Date | null = null, kept = reserved) => ({ channel_account_id: 'acc', quota: kept, state, paid_at });
  const effects = (before: string, after: string, paid_at: Date | null = null) =>
    settle(held(before), held(after, paid_at)).effects.map(({ bucket, fen, count, adds }) => [bucket, Number(fen), count, adds]);

  for (const state of ['sending', 'waiting']) {
    it(`${state}: released when refused or closed, kept when paid the same day`, () => {
      for (const end of ['refused', 'closed']) {
        assert.deepEqual(effects(state, end), [
          ['d2026-11-22', 100, 1, false],
          ['m2026-11', 100, 1, false],
        ]);
      }
      assert.deepEqual(effects(state, 'succeeded', at), []);
    });
  }
  it('counts on the day on which it was paid', () => {
    assert.deepEqual(effects('waiting', 'succeeded', after_midnight), [
      ['d2026-11-22', 100, 1, false],
      ['d2026-11-23', 100, 1, true],
    ]);
    const moved = settle(held('waiting'), held('succeeded', after_midnight));
    assert.deepEqual(
      moved.quota?.map(([bucket]) => bucket),
      ['d2026-11-23', 'm2026-11'],
    );
  });
  it('money that comes after all counts again', () => {
    assert.deepEqual(effects('closed', 'succeeded', after_midnight), [
      ['d2026-11-23', 100, 1, true],
      ['m2026-11', 100, 1, true],
    ]);
  });
  it('waiting, or nothing reserved: nothing', () => {
    assert.deepEqual(effects('sending', 'waiting'), []);
    assert.deepEqual(settle(held('waiting', null, null), held('closed', null, null)).effects, []);
  });
});
