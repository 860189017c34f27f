import { readArguments } from '../testing/arguments.ts';
import { workersDefault } from './crew.ts';

/** What `npm run sim -- --seeds` and `--sweep` are told. */
export type Options = {
  readonly seeds: number;
  readonly seed: string;
  /** Given by `--seed`: these seeds and no others. */
  readonly named: boolean;
  readonly repeat: number;
  /** No world begins after so long; 0 for no end. */
  readonly seconds: number;
  readonly workers: number;
  readonly json: boolean;
};

const seeds_default = 30;
const usage = `npm run sim -- [--seeds N] [--seed TEXT] [--repeat N] [--seconds S] [--workers N] [--json]
  --seeds N: so many worlds (${seeds_default}), named after --seed, which is the date unless told
  --seed TEXT: alone, the one world of this name
  --repeat N: so many of them twice, to compare their traces
  --seconds S: none begins after so long, however many are left
  or --sweep | --races | --kill | --bugs, each with a --help of its own`;

/** `--seeds N` runs N seeds named after `--seed S`, which is the date unless told; a single seed is run by its whole name. */
export function readOptions(args: readonly string[]): Options {
  const { seeds, seed, repeat, seconds, workers, json } = readArguments(args, {
    usage,
    options: {
      seeds: { is: 'whole', least: 1 },
      seed: { is: 'text' },
      repeat: { is: 'whole', usual: 0 },
      seconds: { is: 'whole', usual: 0 },
      workers: { is: 'whole', usual: workersDefault(), least: 1 },
      json: { is: 'switch' },
    },
  });
  return {
    seeds: seeds ?? (seed === undefined ? seeds_default : 1),
    seed: seed ?? new Date().toISOString().slice(0, 10),
    named: seed !== undefined && seeds === undefined,
    repeat,
    seconds,
    workers,
    json,
  };
}
