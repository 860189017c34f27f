import { randomBytes } from 'node:crypto';
import { readArguments, Usage } from '../../testing/arguments.ts';
import { argumentsOf } from '../command.ts';
import { campaign } from './campaign.ts';
import { faults } from './faults.ts';
import { bigintAsText, lines, summary } from './report.ts';
import { unmetOf } from './targets.ts';

const usage = `npm run sim -- --kill [--kills N] [--database-kills N] [--seconds S] [--seed TEXT] [--nodes N] [--tills N] [--faults LIST] [--json]
  --faults: all, none, or some of ${faults.map(({ name }) => name).join(',')}`;

/**
 * Real processes, killed, stopped and cut off under load: gives 0 when nothing was lost, doubled, left open or broken. Targets that
 * were not met are said, and change nothing of that: a busy machine misses them.
 */
export async function run(args: readonly string[]): Promise<number> {
  const values = readArguments(args, {
    usage,
    options: {
      kills: { is: 'whole', usual: 100 },
      'database-kills': { is: 'whole', usual: 20 },
      seconds: { is: 'whole', usual: 0 },
      seed: { is: 'text', usual: randomBytes(4).toString('hex') },
      nodes: { is: 'whole', usual: 2, least: 1 },
      tills: { is: 'whole', usual: 12, least: 1 },
      faults: { is: 'text', usual: 'all' },
      json: { is: 'switch' },
    },
  });
  const names = values.faults === 'all' ? faults.map(({ name }) => name) : values.faults === 'none' ? [] : values.faults.split(',');
  const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new Usage(2, `--faults: there is no ${unknown.join(', ')}\nusage: ${usage}`);
  // Ending at once also ends what was started.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const report = await campaign({
    seed: values.seed,
    kills: values.kills,
    database_kills: values['database-kills'],
    seconds: values.seconds,
    orders: 0,
    faults: names,
    nodes: values.nodes,
    tills: values.tills,
    longest_ms: 20_000,
    pause_ms: 1_500,
    rest_ms_max: 600_000,
    hurry: false,
    tell: (line) => process.stderr.write(`${line}\n`),
  });
  const { commit, ...figures } = summary(report);
  const told = { commit, arguments: argumentsOf(['--kill', ...args], { seed: values.seed }), ...figures };
  process.stdout.write(`${values.json ? JSON.stringify(told, bigintAsText) : lines(report).join('\n')}\n`);
  if (values.json) for (const line of unmetOf(told.met)) process.stderr.write(`${line}\n`);
  return report.violations.length === 0 ? 0 : 1;
}
