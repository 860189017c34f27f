/** The arguments of a run, as its report keeps them: as they were typed, and what was chosen where nothing was typed. With them it can be run again. */
export function argumentsOf(typed: readonly string[], chosen: Readonly<Record<string, string | number>> = {}): readonly string[] {
  const isTyped = (name: string) => typed.some((each) => each === `--${name}` || each.startsWith(`--${name}=`));
  return [...typed, ...Object.entries(chosen).flatMap(([name, value]) => (isTyped(name) ? [] : [`--${name}`, String(value)]))];
}

/** What a report keeps of its command. Reports from before 2026-11-23 kept nothing. */
export type Started = { readonly arguments?: readonly string[] };

/** What a run has to tell of itself for its command to be known, however old its report is. */
export type Figures = {
  readonly seeds: Started & { readonly seeds: number; readonly repeated: number; readonly seed?: string };
  readonly sweep: Started & { readonly ways: number };
  readonly races: Started & { readonly seed: string; readonly pairs: number; readonly schedules: number };
  readonly kill: Started & {
    readonly seed: string;
    readonly nodes: number;
    readonly kills: { readonly heliu: number; readonly database: number };
    readonly faults: Readonly<Record<string, number>>;
    readonly skipped: Readonly<Record<string, string>>;
  };
  readonly bugs: Started;
};
export type Part = keyof Figures;

/** All ordered pairs of the eleven commands: what `--races` runs when it is told no pair. */
const pairs_all = 121;
const kills = ['kill_heliu', 'kill_database'];

/** What the figures of an old report tell of its arguments, and what nobody can know any more. */
const told: { readonly [P in Part]: (run: Figures[P]) => { readonly args: readonly string[]; readonly unknown?: string } } = {
  seeds: ({ seeds, repeated, seed }) => ({
    args: ['--seeds', String(seeds), ...(repeated > 0 ? ['--repeat', String(repeated)] : []), ...(seed === undefined ? [] : ['--seed', seed])],
    ...(seed === undefined ? { unknown: '--seed, --seconds' } : { unknown: '--seconds' }),
  }),
  sweep: ({ ways }) => ({ args: ['--sweep', ...(ways === 1 ? ['--once'] : [])] }),
  races: ({ seed, pairs, schedules }) => ({
    args: ['--races', '--schedules', String(schedules / pairs), '--seed', seed],
    ...(pairs === pairs_all ? {} : { unknown: '--pair' }),
  }),
  kill: (run) => {
    const others = [...Object.keys(run.faults), ...Object.keys(run.skipped)].filter((name) => !kills.includes(name));
    const counts = ['--kills', String(run.kills.heliu), '--database-kills', String(run.kills.database), '--nodes', String(run.nodes)];
    return { args: ['--kill', ...counts, '--seed', run.seed, '--faults', others.length === 0 ? 'none' : others.join(',')], unknown: '--tills, --seconds' };
  },
  bugs: () => ({ args: ['--bugs'], unknown: '--seeds, --seed' }),
};

/** The command that a run was started with and, of an old report, the options that it does not tell. */
export function commandOf<P extends Part>(part: P, run: Figures[P]): { readonly command: string; readonly unknown?: string } {
  const spell = (args: readonly string[]) => `npm run sim -- ${args.join(' ')}`;
  if (run.arguments) return { command: spell(run.arguments) };
  const { args, unknown } = told[part](run);
  return { command: spell([...args, '--json']), ...(unknown === undefined ? {} : { unknown }) };
}
