import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Rng, randomHex } from '../../kernel/rng.ts';
import { Secret } from '../../kernel/secret.ts';
import type { Kind } from './kind.ts';

const key_bytes = 32;

/** 32 random bytes in base64. Text, counting and repetition are refused: they are guessed, or stand in somebody's example. */
export const masterKey: Kind<Secret> = {
  format: '32 bytes, base64',
  read: (raw) => {
    const trimmed = typeof raw === 'string' ? raw.trim() : '';
    const bytes = Buffer.from(trimmed, 'base64');
    if (bytes.length !== key_bytes || bytes.toString('base64') !== trimmed) return { problem: `is not 32 bytes in base64; make one with "${make_command}"` };
    const weakness = weaknessOf(bytes);
    return weakness ? { problem: `is weak (${weakness}); make one with "${make_command}"` } : { value: new Secret(trimmed) };
  },
};

export const make_command = 'openssl rand -base64 32';

/** Of 32 random bytes some 30 differ; fewer than 20 do once in 10^18 keys. All printable, once in 10^13. */
function weaknessOf(bytes: Buffer): string | undefined {
  if (new Set(bytes).size < 20) return 'it repeats itself';
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'it is a text';
  const steps = new Set(bytes.subarray(1).map((byte, index) => byte - (bytes[index] as number)));
  return steps.size === 1 ? 'it counts' : undefined;
}

/** The sandbox makes its own at the first start. Two processes that start together end with the same one. */
export async function sandboxMasterKey(data_dir: string, rng: Rng): Promise<Secret> {
  const path = join(data_dir, 'master.key');
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found !== undefined) return new Secret(found.trim());
  await mkdir(data_dir, { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomHex(rng, 8)}`;
  await writeFile(fresh, `${rng.bytes(key_bytes).toString('base64')}\n`, { mode: 0o400, flag: 'wx' });
  // A link is made whole or not at all, and only by the first.
  await link(fresh, path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await rm(fresh);
  return new Secret((await readFile(path, 'utf8')).trim());
}
