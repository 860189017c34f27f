import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What every process of the simulation would make anew and alike, and slowly. It is kept with the checkout, so that most
 * processes only read it. Whoever deletes it loses some seconds.
 */
const directory = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'heliu-sim');
const a_day_ms = 86_400_000;

export function kept(name: string): Buffer | undefined {
  try {
    return readFileSync(join(directory, name));
  } catch {
    return undefined;
  }
}

/** Keeps it under that name, whole or not at all. What was kept a day earlier with the same first word is thrown away. */
export function keep(name: string, bytes: Uint8Array): void {
  const file = join(directory, name);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, bytes);
    renameSync(`${file}.${process.pid}`, file);
    const newest_ms = statSync(file).mtimeMs;
    const [first] = name.split('-');
    for (const other of readdirSync(directory).filter((each) => each.startsWith(`${first}-`))) {
      if (statSync(join(directory, other)).mtimeMs < newest_ms - a_day_ms) rmSync(join(directory, other), { force: true });
    }
  } catch {
    // A checkout that nobody may write to: each process makes its own.
  }
}
