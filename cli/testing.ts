import type { Io } from './io.ts';
import { run } from './program.ts';

export type Ran = { readonly code: number; readonly out: string; readonly err: string; readonly json: () => unknown };

/** Runs a command as a shell would, in this process; `io` replaces parts of the world. */
export async function heliu(args: readonly string[], io: Partial<Io> & { readonly stdin?: string } = {}): Promise<Ran> {
  const written = { out: '', err: '' };
  const code = await run(args, {
    env: {},
    cwd: import.meta.dirname,
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    is_terminal: false,
    readStdin: () => Promise.resolve(io.stdin ?? ''),
    fetch: (url, init) => fetch(url, init),
    sleep: () => Promise.resolve(),
    interruption: () => new AbortController().signal,
    ...io,
  });
  return { code, ...written, json: () => JSON.parse(written.out || written.err) };
}
