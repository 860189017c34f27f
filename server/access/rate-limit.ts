/** Token buckets by name: each fills at a steady rate up to what may be sent at once. */
export type RateLimit = {
  /** Takes one token. Gives 0 when there was one, else the milliseconds until the next. */
  readonly take: (name: string, now_ms: number) => number;
  /** Puts a token back that turned out not to be needed. */
  readonly giveBack: (name: string) => void;
};

export type RateLimitOptions = { readonly rate_per_s: number; readonly burst: number; readonly names_max: number };

/** What is saved up, in milliseconds of filling. */
type Bucket = { saved_ms: number; filled_ms: number };

export function createRateLimit({ rate_per_s, burst, names_max }: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>();
  const token_ms = 1000 / rate_per_s;
  const full_ms = burst * token_ms;
  const makeRoom = (now_ms: number) => {
    // A bucket that has been left alone until it was full is as good as a new one.
    for (const [name, bucket] of buckets) if (now_ms - bucket.filled_ms >= full_ms) buckets.delete(name);
    if (buckets.size >= names_max) buckets.delete(buckets.keys().next().value as string);
  };
  return {
    take: (name, now_ms) => {
      let bucket = buckets.get(name);
      if (bucket === undefined) {
        if (buckets.size >= names_max) makeRoom(now_ms);
        bucket = { saved_ms: full_ms, filled_ms: now_ms };
        buckets.set(name, bucket);
      }
      bucket.saved_ms = Math.min(full_ms, bucket.saved_ms + now_ms - bucket.filled_ms);
      bucket.filled_ms = now_ms;
      if (bucket.saved_ms < token_ms) return Math.ceil(token_ms - bucket.saved_ms);
      bucket.saved_ms -= token_ms;
      return 0;
    },
    giveBack: (name) => {
      const bucket = buckets.get(name);
      if (bucket) bucket.saved_ms = Math.min(full_ms, bucket.saved_ms + token_ms);
    },
  };
}
