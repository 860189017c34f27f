import type { Crew } from './crew.ts';
import type { FaultId } from './faults.ts';
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
  let only: readonly FaultId[] = failing.on;
  let payments: number | undefined;
  for (const id of failing.on) {
    const fewer = only.filter((each) => each !== id);
    if (await fails({ only: fewer })) only = fewer;
  }
  for (const fewer of [20, 10, 5, 2, 1]) if (await fails({ only, payments: fewer })) payments = fewer;
  const nodes = (await fails({ only, payments, nodes: 1 })) ? 1 : undefined;
  return `smallest that still breaks ${wanted ?? 'the verdict'}: seed ${seed} ${JSON.stringify({ only, payments, nodes })}`;
}
