import { closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Journal } from '../channels/kit/simulator.ts';
import { type Rng, randomHex } from '../kernel/rng.ts';

/** A journal in a file. Its `id` changes when the file was removed: whoever was enrolled before is then unknown to the simulator. */
export type FileJournal = Journal & { readonly id: string; readonly close: () => void };

/** A sandbox writes about 1 KB per payment: far more than a person's trials, and still one string in memory. */
const journal_bytes_max = 256 * 1024 * 1024;

/**
 * Opens the journal at `path`, made when absent: one JSON value per line, the first line names the journal. A line
 * that a crash cut off is dropped, since nobody was told of it; a broken line before the last one is not ours to guess.
 */
export function openJournal(path: string, rng: Rng): FileJournal {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'a', 0o600);
  const lines = readLines(path);
  const id = lines.length === 0 ? randomHex(rng, 8) : readHeader(lines[0]);
  if (id === undefined) throw new Error(`${path} does not begin as a journal of a simulated gateway; remove it to start afresh`);
  if (lines.length === 0) writeSync(fd, line({ journal: id }));
  return {
    id,
    load: () => readLines(path).slice(1),
    append: (entry) => {
      writeSync(fd, line(entry));
    },
    close: () => closeSync(fd),
  };
}

/** A journal that ends with the process. Entries go through JSON all the same, so that a test sees what a file would give. */
export function memoryJournal(): Journal {
  const lines: string[] = [];
  return {
    load: () => lines.map((text) => JSON.parse(text)),
    append: (entry) => {
      lines.push(JSON.stringify(entry));
    },
  };
}

const line = (entry: unknown): string => `${JSON.stringify(entry)}\n`;

function readHeader(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('journal' in value)) return undefined;
  return typeof value.journal === 'string' ? value.journal : undefined;
}

function readLines(path: string): unknown[] {
  if (statSync(path).size > journal_bytes_max)
    throw new Error(`${path} is larger than ${journal_bytes_max} bytes; remove it to start the simulated gateway afresh`);
  const bytes = readFileSync(path);
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  if (whole.length < bytes.length) truncateSync(path, whole.length);
  const texts = whole.toString('utf8').split('\n').slice(0, -1);
  return texts.map((text, index) => {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${path} line ${index + 1} is not JSON; remove the file to start the simulated gateway afresh`);
    }
  });
}
