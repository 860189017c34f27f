import { type FileHandle, open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Cli } from './cli.ts';
import { UsageError } from './failures.ts';

/** Files that are not there yet: all of them are written, or none is left behind. */
export type NewFiles<Name extends string> = {
  /** Adds to the end of one. */
  readonly write: (name: Name, piece: Uint8Array) => Promise<void>;
  /** They are whole, and stay. */
  readonly keep: () => Promise<void>;
  /** Closes them, and takes away those that were not kept. */
  readonly drop: () => Promise<void>;
};

/** Makes them empty, so that nothing is worked out that could not be written. */
export async function newFiles<Name extends string>({ io, say }: Cli, paths: Readonly<Record<Name, string>>): Promise<NewFiles<Name>> {
  const made = new Map<Name, { readonly path: string; readonly handle: FileHandle }>();
  let kept = false;
  const drop = async (): Promise<void> => {
    for (const { path, handle } of made.values()) {
      await handle.close();
      if (!kept) await rm(path, { force: true });
    }
    made.clear();
  };
  for (const [name, given] of Object.entries(paths) as [Name, string][]) {
    const path = resolve(io.cwd, given);
    const handle = await open(path, 'wx').catch(async (error: NodeJS.ErrnoException) => {
      await drop();
      throw new UsageError(
        say(`${given} cannot be made (${error.code}): name files that do not exist`, `无法新建 ${given}（${error.code}）：请给出尚不存在的文件名`),
      );
    });
    made.set(name, { path, handle });
  }
  return {
    write: async (name, piece) => {
      await made.get(name)?.handle.writeFile(piece);
    },
    keep: async () => {
      for (const { handle } of made.values()) await handle.sync();
      kept = true;
    },
    drop,
  };
}
