import { createHash } from 'node:crypto';
import type { FileWriter } from './writer.ts';

/** What a file is, for who compares it with what was signed. */
export type Facts = { readonly bytes: number; readonly sha256: string };

/** A file that is written while its lines are read: what was written is hashed, counted and kept in pieces. */
export type GrowingFile<L, E> = {
  readonly writer: FileWriter<L, E>;
  /** Keeps what waits, once it is that much. */
  readonly flush: (at_least: number) => Promise<void>;
  readonly end: (ending: E) => Promise<void>;
  readonly facts: () => Facts;
};

export type Keep = (piece: Buffer, nth: number) => Promise<void>;

export function growing<L, E>(writerTo: (out: (chunk: Uint8Array) => void) => FileWriter<L, E>, keep: Keep): GrowingFile<L, E> {
  const hash = createHash('sha256');
  let [bytes, nth] = [0, 0];
  let waiting: Uint8Array[] = [];
  let waiting_bytes = 0;
  const writer = writerTo((chunk) => {
    waiting.push(chunk);
    waiting_bytes += chunk.length;
  });
  const flush = async (at_least: number): Promise<void> => {
    if (waiting_bytes < at_least || waiting_bytes === 0) return;
    const piece = Buffer.concat(waiting);
    waiting = [];
    waiting_bytes = 0;
    hash.update(piece);
    bytes += piece.length;
    await keep(piece, nth++);
  };
  return {
    writer,
    flush,
    end: async (ending) => {
      writer.end(ending);
      await flush(1);
    },
    facts: () => ({ bytes, sha256: hash.copy().digest('hex') }),
  };
}
