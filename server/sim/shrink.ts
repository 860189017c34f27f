import type { Crew } from './crew.ts';
import { againOf } from './options.ts';
import type { SeedOptions, Verdict } from './seed.ts';

type Job = { readonly seed: string; readonly options?: SeedOptions };

/** Tries with less, as long as the same invariant breaks: fewer kinds of faults, fewer payments, one node. */
export async function shrink(crew: Crew<Job, Verdict>, failing: Verdict): Promise<string> {
  const { seed } = failing;
  const wanted = failing.violations[0]?.invariant;
  const fails = async (options: SeedOptions): Promise<boolean> => {
    let same = false;
    await crew.run([{ seed, options }], (verdict) => {
      same = wanted === undefined ? verdict.unknown !== undefined : verdict.violations.some(({ invariant }) => invariant === wanted);
      return undefined;
    });
    return same;
  };
  let smallest: SeedOptions = { ...failing.options, only: failing.on };
  for (const id of failing.on) {
    const fewer = { ...smallest, only: smallest.only?.filter((each) => each !== id) };
    if (await fails(fewer)) smallest = fewer;
  }
  for (const payments of [20, 10, 5, 2, 1]) {
    if (payments >= (smallest.payments ?? Number.POSITIVE_INFINITY)) continue;
    if (await fails({ ...smallest, payments })) smallest = { ...smallest, payments };
  }
  if (await fails({ ...smallest, nodes: 1 })) smallest = { ...smallest, nodes: 1 };
  return `smallest that still breaks ${wanted ?? 'the verdict'}: ${againOf(seed, smallest)}`;
}
