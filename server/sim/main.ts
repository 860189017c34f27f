import { told } from '../testing/arguments.ts';

/**
 * `npm run sim -- <what> [options]`: the whole system put to the proof. Each part reads its own options.
 *
 *   --seeds N [--seed S] [--json]   deterministic worlds (the default)
 *   --sweep                         a crash at every yield point of the golden scenarios
 *   --races                         pairs of commands on one payment, statement by statement, on real PostgreSQL
 *   --kill                          real processes, killed, stopped, cut off
 *   --bugs                          every planted bug has to be found
 */
const parts: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<number> }>>> = {
  kill: () => import('./kill/main.ts'),
  seeds: () => import('./seeds.ts'),
  sweep: () => import('./sweep.ts'),
  races: () => import('./races/main.ts'),
  bugs: () => import('./bugs/main.ts'),
};

const args = process.argv.slice(2);
// `--seeds` is an option of other parts too.
const part = Object.keys(parts).find((name) => name !== 'seeds' && args.includes(`--${name}`)) ?? 'seeds';
const load = parts[part];
if (!load) throw new Error(`no part ${part}`);
process.exitCode = await told(async () => (await load()).run(args.filter((arg) => arg !== `--${part}` || part === 'seeds')));
