import { readArguments, Usage } from '../testing/arguments.ts';
import { workersDefault } from './crew.ts';
import { type FaultId, fault_ids } from './faults.ts';
import type { SeedOptions } from './seed.ts';

/** What `npm run sim -- --seeds` and `--sweep` are told. */
export type Options = {
  readonly seeds: number;
  readonly seed: string;
  /** Given by `--seed`: these seeds and no others. */
  readonly named: boolean;
  /** What each world is limited to. */
  readonly world: SeedOptions;
  readonly repeat: number;
  /** No world begins after so long; 0 for no end. */
  readonly seconds: number;
  readonly workers: number;
  readonly json: boolean;
};

const seeds_default = 30;
const usage = `npm run sim -- [--seeds N] [--seed TEXT] [--repeat N] [--seconds S] [--workers N] [--payments N] [--nodes N] [--only LIST] [--json]
  --seeds N: so many worlds (${seeds_default}), named after --seed, which is the date unless told
  --seed TEXT: alone, the one world of this name
  --repeat N: so many of them twice, to compare their traces
  --seconds S: none begins after so long, however many are left
  --payments N, --nodes N: of each world, instead of what its seed draws
  --only LIST: of the faults that its seed draws only these, by their ids; none for no fault
  or --sweep | --races | --kill | --bugs, each with a --help of its own`;

/** `--seeds N` runs N seeds named after `--seed S`, which is the date unless told; a single seed is run by its whole name. */
export function readOptions(args: readonly string[]): Options {
  const { seeds, seed, repeat, seconds, workers, payments, nodes, only, json } = readArguments(args, {
    usage,
    options: {
      seeds: { is: 'whole', least: 1 },
      seed: { is: 'text' },
      repeat: { is: 'whole', usual: 0 },
      seconds: { is: 'whole', usual: 0 },
      workers: { is: 'whole', usual: workersDefault(), least: 1 },
      payments: { is: 'whole', least: 1 },
      nodes: { is: 'whole', least: 1 },
      only: { is: 'text' },
      json: { is: 'switch' },
    },
  });
  return {
    seeds: seeds ?? (seed === undefined ? seeds_default : 1),
    seed: seed ?? new Date().toISOString().slice(0, 10),
    named: seed !== undefined && seeds === undefined,
    world: {
      ...(payments === undefined ? {} : { payments }),
      ...(nodes === undefined ? {} : { nodes }),
      ...(only === undefined ? {} : { only: readOnly(only) }),
    },
    repeat,
    seconds,
    workers,
    json,
  };
}

const no_fault = 'none';

function readOnly(text: string): readonly FaultId[] {
  if (text === no_fault) return [];
  const isId = (id: string): id is FaultId => (fault_ids as readonly string[]).includes(id);
  const unknown = text.split(',').filter((id) => !isId(id));
  if (unknown.length > 0) throw new Usage(2, `--only: there is no ${unknown.join(', ')}\nusage: ${usage}`);
  return text.split(',').filter(isId);
}

/** The command that lives through one world again. */
export function againOf(seed: string, { payments, nodes, only }: SeedOptions): string {
  const limits = [
    ...(payments === undefined ? [] : ['--payments', payments]),
    ...(nodes === undefined ? [] : ['--nodes', nodes]),
    ...(only === undefined ? [] : ['--only', only.length === 0 ? no_fault : only.join(',')]),
  ];
  return ['npm run sim -- --seed', seed, ...limits].join(' ');
}
