import { readArguments, Usage } from '../../testing/arguments.ts';
import { argumentsOf } from '../command.ts';
import { type CommandName, command_names } from './commands.ts';
import { type Pair, type Schedule, statesOf } from './race.ts';
import { all_pairs, runRaces } from './run.ts';

const usage = `npm run sim -- --races [--schedules N] [--pair A,B] [--seed TEXT] [--from N] [--lanes N] [--json]
  --pair: two of ${command_names.join(' ')}`;

/** `--schedules 1 --from N --pair a,b --seed S` runs one schedule again, step by step as it was. */
export async function run(args: readonly string[]): Promise<number> {
  const values = readArguments(args, {
    usage,
    options: {
      schedules: { is: 'whole', usual: 50, least: 1 },
      pair: { is: 'text' },
      seed: { is: 'text', usual: 'confluence' },
      from: { is: 'whole', usual: 0 },
      lanes: { is: 'whole', usual: 4, least: 1 },
      json: { is: 'switch' },
    },
  });
  const { schedules, from, lanes } = values;
  const pairs = values.pair === undefined ? all_pairs : readPair(values.pair);
  const { commit, ...report } = await runRaces({
    seed: values.seed,
    schedules,
    pairs,
    from,
    lanes,
    onPair: (pair, done) => {
      if (!values.json) tell(pair, done);
    },
  });
  if (!values.json) for (const failure of report.failures) explain(report.seed, failure);
  const told = { commit, arguments: argumentsOf(['--races', ...args]), ...report };
  print(JSON.stringify(told, (_, value) => (typeof value === 'bigint' ? Number(value) : value), values.json ? undefined : 2));
  return report.violations === 0 ? 0 : 1;
}

function readPair(text: string): readonly Pair[] {
  const names = text.split(',');
  const isName = (name: string | undefined): name is CommandName => (command_names as readonly string[]).includes(name ?? '');
  const [first, second] = names;
  if (names.length !== 2 || !isName(first) || !isName(second)) throw new Usage(2, `--pair takes two commands, not '${text}'\nusage: ${usage}`);
  return [[first, second]];
}

function tell(pair: Pair, done: readonly Schedule[]): void {
  const finals = new Set(done.map(({ final }) => final)).size;
  const orders = new Set(done.map(({ steps }) => steps.join())).size;
  const blocked = done.reduce((sum, schedule) => sum + schedule.blocked, 0);
  const broken = done.filter(({ problems }) => problems.length > 0).length;
  print(
    `${pair.join(' × ').padEnd(30)} ${statesOf(pair).length} states, ${done.length} schedules, ${orders} orders, ${finals} ends, ${blocked} blocked${broken > 0 ? `, ${broken} BROKEN` : ''}`,
  );
}

/** Enough to see what happened, and to run it again. */
function explain(seed: string, { pair, nth, state, steps, problems }: Schedule): void {
  print(`\n${pair.join(' × ')} from ${state}: npm run sim -- --races --seed ${seed} --pair ${pair.join(',')} --from ${nth} --schedules 1`);
  for (const each of steps) print(`  ${each}`);
  for (const { rule, rows } of problems) print(`  BROKEN ${rule}: ${JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}`);
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
