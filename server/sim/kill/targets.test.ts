import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Judged, metOf, unmetOf } from './targets.ts';

const times = (max_ms: number) => ({ count: 3, p50_ms: 1, p95_ms: 2, max_ms });
const good: Judged = {
  recovery: { heliu: { alone: times(3_000) }, leases: { alone: times(60_000), unrecovered: 0 }, heliu_after_postgres: { alone: times(2_000) } },
  rolling_restarts: { count: 2, refused: 0 },
  skipped: {},
};

describe('the targets of a campaign', () => {
  it('are met up to their very value, and nothing is said of them then', () => {
    assert.deepEqual(unmetOf(metOf(good)), []);
  });

  it('are missed each by itself', () => {
    const worse: readonly (readonly [Partial<Judged>, RegExp])[] = [
      [{ recovery: { ...good.recovery, heliu: { alone: times(3_001) } } }, /^TARGET NOT MET L-14/],
      [{ recovery: { ...good.recovery, leases: { alone: times(60_001), unrecovered: 0 } } }, /^TARGET NOT MET L-14 no row/],
      [{ recovery: { ...good.recovery, leases: { alone: times(60_000), unrecovered: 1 } } }, /^TARGET NOT MET L-14 no row/],
      [{ recovery: { ...good.recovery, heliu_after_postgres: { alone: times(2_001) } } }, /^TARGET NOT MET L-15/],
      [{ rolling_restarts: { count: 2, refused: 1 } }, /^TARGET NOT MET L-17/],
      [{ skipped: { disk_full: 'no tmpfs' } }, /^TARGET NOT MET every chosen episode/],
    ];
    for (const [change, said] of worse) {
      const unmet = unmetOf(metOf({ ...good, ...change }));
      assert.equal(unmet.length, 1, unmet.join());
      assert.match(unmet[0] ?? '', said);
    }
  });

  it('that nothing was measured of are not met either, and say so', () => {
    const met = metOf({ ...good, recovery: { heliu: { alone: null }, heliu_after_postgres: { alone: null } }, rolling_restarts: { count: 0, refused: 0 } });
    assert.deepEqual(Object.values(met), [null, null, null, null, true]);
    assert.deepEqual(
      unmetOf(met).map((line) => line.split(' L-')[0]),
      Array(4).fill('TARGET NOT MEASURED'),
    );
  });
});
