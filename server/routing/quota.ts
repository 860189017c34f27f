import type { Quota } from '@heliu/contract';
import { addFen, type Fen, toFen, ZERO } from '../kernel/money.ts';
import { periodOf } from './terms.ts';

/** Quotas: what an attempt reserves, where, and what becomes of it. */

/** So many counters share the quota of an account, so that payments at the same time seldom meet on one row. */
export const quota_shards = 8;

/** What an attempt reserves on one counter, and how much that counter may hold where it is new. */
export type Reservation = {
  readonly bucket: string;
  readonly shard: number;
  readonly fen: Fen;
  readonly count: number;
  /** Null: not limited. */
  readonly share_fen: Fen | null;
  readonly share_count: number | null;
};

/** As an attempt keeps it: bucket, shard, fen, count. */
export type Reserved = readonly (readonly [bucket: string, shard: number, fen: number, count: number])[];

/** The counters that a payment is counted on, one for each quota; those of a payer only where the payer is known. */
export type Bucket = { readonly name: string; readonly quota: Quota };

export function bucketsOf(quotas: readonly Quota[], payer_key: string | undefined, at: Date): readonly Bucket[] {
  return quotas.flatMap((quota) => {
    const period = periodOf(quota.per, at);
    if (quota.of === 'account') return [{ name: period, quota }];
    return payer_key === undefined ? [] : [{ name: `${period}/${payer_key}`, quota }];
  });
}

export const shardsOf = ({ of }: Pick<Quota, 'of'>): number => (of === 'account' ? quota_shards : 1);

/** The part of a limit that a shard holds: all parts together are the limit. */
export const partOf = (limit: bigint, shards: number, shard: number): bigint => limit / BigInt(shards) + (BigInt(shard) < limit % BigInt(shards) ? 1n : 0n);

function share({ quota }: Bucket, shard: number): Pick<Reservation, 'share_fen' | 'share_count'> {
  const { amount_fen_max, count_max } = quota;
  const part = (limit: number | undefined) => (limit === undefined ? null : partOf(BigInt(limit), shardsOf(quota), shard));
  const [fen, count] = [part(amount_fen_max), part(count_max)];
  return { share_fen: fen as Fen | null, share_count: count === null ? null : Number(count) };
}

/** Reserves all of a payment on one shard of each bucket. */
export const reserve = (buckets: readonly Bucket[], amount_fen: Fen, shard: number): readonly Reservation[] =>
  buckets.map((bucket) => {
    const at = shard % shardsOf(bucket.quota);
    return { bucket: bucket.name, shard: at, fen: amount_fen, count: 1, ...share(bucket, at) };
  });

/** A counter as the database has it. */
export type Counter = {
  readonly bucket: string;
  readonly shard: number;
  readonly used_fen: Fen;
  readonly used_count: number;
  readonly share_fen: Fen | null;
  readonly share_count: number | null;
  /** False: only money that came late was counted, and its share is not set. */
  readonly shared: boolean;
};

/** What is left of a bucket over all its shards; null where it is not limited. */
export type Room = { readonly fen: bigint | null; readonly count: number | null };

function counted(bucket: Bucket, counters: readonly Counter[], shard: number): Counter {
  const counter = counters.find((each) => each.bucket === bucket.name && each.shard === shard);
  if (counter?.shared) return counter;
  return { bucket: bucket.name, shard, used_fen: ZERO, used_count: 0, shared: false, ...counter, ...share(bucket, shard) };
}

const left = ({ used_fen, used_count, share_fen, share_count }: Counter): Room => ({
  fen: share_fen === null ? null : share_fen - used_fen,
  count: share_count === null ? null : share_count - used_count,
});

const shardsIn = (bucket: Bucket, counters: readonly Counter[]): Counter[] =>
  Array.from({ length: shardsOf(bucket.quota) }, (_, shard) => counted(bucket, counters, shard));

export function roomOf(bucket: Bucket, counters: readonly Counter[]): Room {
  const rooms = shardsIn(bucket, counters).map(left);
  const total = <T>(values: readonly (T | null)[], add: (a: T, b: T) => T): T | null => (values.includes(null) ? null : (values as readonly T[]).reduce(add));
  return {
    fen: total(
      rooms.map(({ fen }) => fen),
      (a, b) => a + b,
    ),
    count: total(
      rooms.map(({ count }) => count),
      (a, b) => a + b,
    ),
  };
}

export const hasRoom = ({ fen, count }: Room, amount_fen: Fen): boolean => (fen === null || fen >= amount_fen) && (count === null || count >= 1);

/**
 * Reserves a payment where there is room: on one shard when one has it all, else piece by piece, so that the last fen of a
 * quota can be used too. Undefined: a bucket has no room.
 */
export function reserveWhereRoom(buckets: readonly Bucket[], counters: readonly Counter[], amount_fen: Fen): readonly Reservation[] | undefined {
  const reserved: Reservation[] = [];
  for (const bucket of buckets) {
    if (!hasRoom(roomOf(bucket, counters), amount_fen)) return undefined;
    const shards = shardsIn(bucket, counters);
    const one = shards.find((counter) => hasRoom(left(counter), amount_fen));
    reserved.push(...(one ? [piece(one, amount_fen, 1)] : pieces(shards, amount_fen)));
  }
  return reserved;
}

const piece = ({ bucket, shard, share_fen, share_count }: Counter, fen: Fen, count: number): Reservation => ({
  bucket,
  shard,
  fen,
  count,
  share_fen,
  share_count,
});

/** The amount over several shards, the payment itself counted on one of them. */
function pieces(shards: readonly Counter[], amount_fen: Fen): Reservation[] {
  let rest: bigint = amount_fen;
  const counting = shards.find((counter) => (left(counter).count ?? 1) >= 1);
  const taken = shards.map((counter) => {
    const room = left(counter).fen;
    const fen = room === null || room > rest ? rest : room;
    rest -= fen;
    return piece(counter, fen as Fen, counter === counting ? 1 : 0);
  });
  return taken.filter(({ fen, count }) => fen > 0n || count > 0);
}

export const asReserved = (reservations: readonly Reservation[]): Reserved | null =>
  reservations.length === 0 ? null : reservations.map(({ bucket, shard, fen, count }) => [bucket, shard, Number(fen), count] as const);

/** What a change of an attempt's state does to the counters. */
export type QuotaEffect = {
  readonly channel_account_id: string;
  readonly bucket: string;
  readonly shard: number;
  /** What is taken off or, where `adds`, put on whatever the limit: money that came cannot be refused. */
  readonly fen: Fen;
  readonly count: number;
  readonly adds: boolean;
};

type Held = { readonly channel_account_id: string; readonly quota: Reserved | null; readonly state: string; readonly paid_at: Date | null };
const counts = ({ state }: Held): boolean => state === 'sending' || state === 'waiting' || state === 'succeeded';

/**
 * What was reserved is released with the attempt, and counts again when money comes after all. A payment belongs to the
 * day on which it was paid: one that was ordered before midnight and paid after it moves.
 */
export function settle(before: Held, after: Held): { readonly quota: Reserved | null; readonly effects: readonly QuotaEffect[] } {
  const { quota } = before;
  if (quota === null || (before.state === after.state && after.state !== 'succeeded')) return { quota, effects: [] };
  const moved = after.state === 'succeeded' && after.paid_at !== null ? inPeriods(quota, after.paid_at) : quota;
  const effects = [...(counts(before) ? changes(before, quota, false) : []), ...(counts(after) ? changes(after, moved, true) : [])];
  return { quota: moved, effects: net(effects) };
}

const changes = ({ channel_account_id }: Held, quota: Reserved, adds: boolean): QuotaEffect[] =>
  quota.map(([bucket, shard, fen, count]) => ({ channel_account_id, bucket, shard, fen: toFen(fen), count, adds }));

function inPeriods(quota: Reserved, paid_at: Date): Reserved {
  return quota.map(([bucket, shard, fen, count]) => {
    const [period = '', ...payer] = bucket.split('/');
    return [[periodOf(period.startsWith('d') ? 'day' : 'month', paid_at), ...payer].join('/'), shard, fen, count] as const;
  });
}

/** What is taken off and put on the same counter is nothing. */
function net(effects: readonly QuotaEffect[]): QuotaEffect[] {
  const key = ({ channel_account_id, bucket, shard }: QuotaEffect) => `${channel_account_id} ${bucket} ${shard}`;
  const sums = new Map<string, bigint>();
  for (const effect of effects) sums.set(key(effect), (sums.get(key(effect)) ?? 0n) + (effect.adds ? 1n : -1n) * addFen(effect.fen, toFen(effect.count)));
  return effects.filter((effect) => sums.get(key(effect)) !== 0n);
}

/**
 * The shares of a bucket after its limit was changed while it is in use: what is left is divided anew, and what was used
 * stays used, also where it is more than may be used now.
 */
export function newShares(counters: readonly Counter[], quota: Quota | undefined): readonly Counter[] {
  const divide = (limit: number | undefined, used: readonly bigint[]): (bigint | null)[] => {
    if (limit === undefined) return used.map(() => null);
    const rest = BigInt(limit) - used.reduce((sum, each) => sum + each, 0n);
    return used.map((each, shard) => each + (rest > 0n ? partOf(rest, used.length, shard) : 0n));
  };
  const fen = divide(
    quota?.amount_fen_max,
    counters.map(({ used_fen }) => used_fen),
  );
  const count = divide(
    quota?.count_max,
    counters.map(({ used_count }) => BigInt(used_count)),
  );
  return counters.map((counter, at) => ({ ...counter, share_fen: (fen[at] ?? null) as Fen | null, share_count: count[at] == null ? null : Number(count[at]) }));
}
