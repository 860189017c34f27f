import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault } from '../channels/kit/simulator.ts';
import { systemClock } from '../platform/clock.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { migrate } from '../platform/db/migrate.ts';
import { createLog } from '../platform/log.ts';
import { systemRng } from '../platform/rng.ts';
import { anInstallation, type Installation } from '../testing/installation.ts';

/** An installation with a database of its own, until it is closed. */
export type Stand = {
  readonly folder: string;
  readonly database_url: string;
  readonly installation: Installation;
  readonly close: () => Promise<void>;
};

export async function openStand(settings: Record<string, string>): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'heliu-bench-'));
  const log = createLog('error', systemClock);
  const postgres = await startEmbedded({ data_dir: folder, clock: systemClock, rng: systemRng, log });
  let installation: Installation | undefined;
  const close = async () => {
    // A gateway that hangs on purpose does not end within any reasonable time.
    installation?.simulators.child.kill('SIGKILL');
    await installation?.receiver.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { database_url } = postgres;
    await migrate({ database_url, clock: systemClock, log });
    installation = await anInstallation(database_url, folder, settings);
    return { folder, database_url: database_url.expose(), installation, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const cli = new URL('../../cli/heliu.ts', import.meta.url).pathname;

/** What the operator's own command says of the books: how many rules it held and what broke them. */
export function verifyBooks({ database_url, folder }: Stand): { readonly rules: number; readonly violations: number; readonly unknown: number } {
  const env = { ...process.env, HELIU_DATABASE_URL: database_url, HELIU_DATA_DIR: folder };
  const { stdout, stderr } = spawnSync(process.execPath, [cli, 'verify', '--json'], { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    const { rules, violations, unknown } = (JSON.parse(last) as { summary: { rules: number; violations: number; unknown: number } }).summary;
    return { rules, violations, unknown };
  } catch {
    throw new Error(`heliu verify failed: ${stderr || last}`);
  }
}

/** Lets the next calls or notifications of a gateway go wrong. */
export async function inject(simulators_url: string, channel: string, fault: Fault): Promise<void> {
  const body = JSON.stringify({ channel, fault });
  const answer = await fetch(`${simulators_url}/control/inject`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (!answer.ok) throw new Error(`the gateway takes no fault: ${await answer.text()}`);
}
