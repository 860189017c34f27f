import { existsSync, globSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Running, start } from '../../testing/processes.ts';

/** A node of Heliu under a service manager: whatever ends it, it is started again at once. */
export type Heliu = {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** `kill -9`. */
  readonly kill: () => Promise<void>;
  /** Starts it, over and over until it stays. */
  readonly start: () => Promise<void>;
  /** SIGTERM, and waits until it has drained. */
  readonly stop: () => Promise<void>;
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
  /** Moves its wall clock. */
  readonly moveClock: (offset_s: number) => void;
  /** Why its clock cannot be moved, if it cannot. */
  readonly clock_is_fixed: string | undefined;
};

export type HeliuOptions = {
  readonly name: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly output_fd: number;
  /** Where the offset of its clock is written, for a node whose clock shall be moved. */
  readonly clock_file: string | undefined;
  /** Told when it ended although nobody had ended it. */
  readonly ended: (what: string) => void;
};

const start_ms_max = 120_000;
const pause_ms = 50;

export function aHeliu({ name, port, environment, output_fd, clock_file, ended }: HeliuOptions): Heliu {
  const library = findFaketime();
  const movable = clock_file !== undefined && library !== undefined;
  const moveClock = (offset_s: number) => {
    if (movable) writeFileSync(clock_file, `${offset_s < 0 ? '' : '+'}${offset_s}s\n`);
  };
  moveClock(0);
  const faked: Record<string, string> = movable
    ? { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clock_file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }
    : {};
  let running: Running | undefined;
  const gone = async (how: (child: Running) => void): Promise<void> => {
    const child = running;
    if (!child) return;
    running = undefined;
    const exited = new Promise<void>((resolve) => child.child.once('exit', () => resolve()));
    if (child.child.exitCode !== null || child.child.signalCode !== null) return;
    how(child);
    await exited;
  };
  const launch = async (): Promise<Running> => {
    const give_up_ms = performance.now() + start_ms_max;
    for (;;) {
      try {
        return await start(new URL('../../main.ts', import.meta.url), [], { ...environment, ...faked, HELIU_PORT: String(port) }, [], output_fd);
      } catch (error) {
        // Without a database it ends at once and says so; a service manager tries again.
        if (performance.now() > give_up_ms) throw error;
        await setTimeout(pause_ms);
      }
    }
  };
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    kill: () => gone(({ child }) => child.kill('SIGKILL')),
    stop: () => gone(({ child }) => child.kill('SIGTERM')),
    start: async () => {
      const started = await launch();
      running = started;
      started.child.once('exit', (code, signal) => {
        if (running !== started) return;
        ended(`${name} ended by itself with ${code ?? signal}`);
      });
    },
    signal: (signal) => void running?.child.kill(signal),
    moveClock,
    clock_is_fixed: movable ? undefined : 'libfaketime is not installed (Debian: apt-get install faketime)',
  };
}

function findFaketime(): string | undefined {
  const places = ['/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/lib/faketime/libfaketimeMT.so.1', '/usr/lib64/faketime/libfaketimeMT.so.1'];
  return places.flatMap((place) => globSync(place)).find((path) => existsSync(path));
}
