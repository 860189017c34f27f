import fc from 'fast-check';

/** What a failure prints; `HELIU_SEED` takes another, `random` a fresh one. */
export const seed = process.env.HELIU_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(process.env.HELIU_SEED ?? 20_261_122);

/** What `HELIU_FUZZ_S` says: each property is tried for so many seconds. */
const wanted_ms = process.env.HELIU_FUZZ_S === undefined ? undefined : Number(process.env.HELIU_FUZZ_S) * 1_000;

/**
 * Tries a property on values drawn from the seed: at least so often, on however slow a machine, and then until its time
 * is over. Gives how many were tried.
 */
export async function fuzz<T>(values: fc.Arbitrary<T>, hold: (value: T) => void | Promise<void>, usual = { runs_min: 100, ms: 200 }): Promise<number> {
  let runs = 0;
  const counted = fc.asyncProperty(values, async (value) => {
    runs += 1;
    await hold(value);
  });
  await fc.assert(counted, { seed, numRuns: usual.runs_min });
  const limits = { interruptAfterTimeLimit: wanted_ms ?? usual.ms, markInterruptAsFailure: false };
  const longer = await fc.check(counted, { seed: seed + 1, numRuns: Number.MAX_SAFE_INTEGER, ...limits });
  // Where the time was over before the first try, there is nothing that failed.
  if (longer.failed && longer.counterexample !== null) throw new Error(fc.defaultReportMessage(longer), { cause: longer.errorInstance });
  return runs;
}

/** Text of any kind: of the pieces that matter to a grammar, of single characters, of bytes that are no text. */
export const soup = (...pieces: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) }), {
      maxLength: 40,
    })
    .map((parts) => parts.join(''));

/** A text, changed in a few places as a bad line or a bad person would: bytes flipped, left out, doubled, put in. */
export const mutated = (text: string, encoding: BufferEncoding = 'utf8'): fc.Arbitrary<Buffer> => {
  const bytes = Buffer.from(text, encoding);
  const change = fc.record({
    at: fc.nat(bytes.length),
    kind: fc.constantFrom('flip', 'cut', 'double', 'insert', 'swap'),
    byte: fc.nat(255),
    length: fc.integer({ min: 1, max: 8 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => changes.reduce(changed, bytes));
};

type Change = { readonly at: number; readonly kind: string; readonly byte: number; readonly length: number };

function changed(bytes: Buffer, { at, kind, byte, length }: Change): Buffer {
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  if (kind === 'cut') return Buffer.concat([head, tail.subarray(length)]);
  if (kind === 'double') return Buffer.concat([head, tail.subarray(0, length), tail]);
  if (kind === 'insert') return Buffer.concat([head, Buffer.from([byte]), tail]);
  if (kind === 'swap') return Buffer.concat([head, tail.subarray(length, 2 * length), tail.subarray(0, length), tail.subarray(2 * length)]);
  const flipped = Buffer.from(bytes);
  if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (byte || 1);
  return flipped;
}
