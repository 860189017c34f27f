import { existsSync, globSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Inspector, openInspector } from '../../testing/inspector.ts';
import { freePort } from '../../testing/installation.ts';
import { type Running, start } from '../../testing/processes.ts';

/** A node of Heliu under a service manager: whatever ends it, it is started again at once. */
export type Heliu = {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** `kill -9`. Gives what the connections of the start that was killed were called at the database. */
  readonly kill: () => Promise<string>;
  /** Starts it, over and over until it stays; of another version from now on where one is given. */
  readonly start: (version?: URL) => Promise<void>;
  /** Whether it starts at all, tried once and stopped again. */
  readonly starts: () => Promise<boolean>;
  /** SIGTERM, and waits until it has drained. */
  readonly stop: () => Promise<void>;
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
  /** Its event loop does nothing else for so long. */
  readonly block: (ms: number) => Promise<void>;
  /** Starts it with little memory, of which it uses more and more until it dies. */
  readonly exhaust: () => Promise<void>;
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

/** What the name of a node's connection begins with, as in a node that nobody has given another. */
export const node_connections = 'heliu-all';
const start_ms_max = 120_000;
const pause_ms = 50;
/** A node at rest has some 60 MB in this space. */
const little_memory_mb = 160;
/** Two megabytes in each turn, so that it dies amid its work and not of one allocation. */
const leak = 'globalThis.leaked = []; setInterval(() => { for (let at = 0; at < 20_000; at++) leaked.push({ at: [at] }); }, 10); undefined';
const let_in_ms_max = 60_000;
const exhausted_ms_max = 120_000;

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
  let program = new URL('../../main.ts', import.meta.url);
  let debugger_port = 0;
  let starts = 0;
  const startName = () => `${node_connections}, ${name}, start ${starts}`;
  const environmentOf = () => ({
    ...environment,
    ...faked,
    HELIU_PORT: String(port),
    HELIU_DATABASE_URL: calling(environment.HELIU_DATABASE_URL ?? '', startName()),
  });
  const gone = async (how: (child: Running) => unknown): Promise<NodeJS.Signals | null> => {
    const child = running;
    if (!child) return null;
    running = undefined;
    const exited = new Promise<void>((resolve) => child.child.once('exit', () => resolve()));
    if (child.child.exitCode === null && child.child.signalCode === null) {
      await how(child);
      await exited;
    }
    return child.child.signalCode;
  };
  const launch = async (node_options: readonly string[]): Promise<Running> => {
    const give_up_ms = performance.now() + start_ms_max;
    debugger_port = await freePort();
    // Where a debugger would be let in, if one were asked for: that takes a signal.
    const options = [`--inspect-port=127.0.0.1:${debugger_port}`, ...node_options];
    starts += 1;
    for (;;) {
      try {
        return await start(program, [], environmentOf(), options, output_fd);
      } catch (error) {
        // Without a database it ends at once and says so; a service manager tries again.
        if (performance.now() > give_up_ms) throw error;
        await setTimeout(pause_ms);
      }
    }
  };
  /** Has it do something, as a person would who attaches a debugger. Resolves when it has, or has died of it. */
  const evaluate = async ({ child }: Running, expression: string): Promise<void> => {
    child.kill('SIGUSR1');
    const inspector = await letIn(debugger_port);
    const done = await inspector.ask('Runtime.evaluate', { expression });
    inspector.close();
    if (done?.exceptionDetails) throw new Error(`${name} threw: ${JSON.stringify(done.exceptionDetails)}`);
  };
  const startWith = async (node_options: readonly string[] = []): Promise<void> => {
    const started = await launch(node_options);
    running = started;
    started.child.once('exit', (code, signal) => {
      if (running !== started) return;
      ended(`${name} ended by itself with ${code ?? signal}`);
    });
  };
  const kill = async () => {
    const killed = startName();
    await gone(({ child }) => child.kill('SIGKILL'));
    return killed;
  };
  const stop = async () => void (await gone(({ child }) => child.kill('SIGTERM')));
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    kill,
    stop,
    start: (version = program) => {
      program = version;
      return startWith();
    },
    starts: () =>
      start(program, [], environmentOf(), [], output_fd).then(
        async (started) => {
          await started.stop();
          return true;
        },
        () => false,
      ),
    signal: (signal) => void running?.child.kill(signal),
    block: async (ms) => {
      if (running) await evaluate(running, `{ const until = performance.now() + ${ms}; while (performance.now() < until); }`);
    },
    exhaust: async () => {
      await stop();
      await startWith([`--max-old-space-size=${little_memory_mb}`]);
      const signal = await gone(async (child) => {
        await evaluate(child, leak);
        setTimeout(exhausted_ms_max, undefined, { ref: false }).then(() => child.child.kill('SIGKILL'));
      });
      // What V8 does when there is no more: anything else was not it.
      if (signal !== 'SIGABRT') throw new Error(`${name} did not run out of memory: ${signal}`);
    },
    moveClock,
    clock_is_fixed: movable ? undefined : 'libfaketime is not installed (Debian: apt-get install faketime)',
  };
}

/** The same way to the database, by connections of that name. */
function calling(database_url: string, name: string): string {
  const named = new URL(database_url);
  named.searchParams.set('application_name', name);
  return named.href;
}

/** A busy process takes its time until it listens. */
async function letIn(port: number): Promise<Inspector> {
  const give_up_ms = performance.now() + let_in_ms_max;
  for (;;) {
    try {
      return await openInspector(port);
    } catch (error) {
      if (performance.now() > give_up_ms) throw error;
      await setTimeout(pause_ms);
    }
  }
}

function findFaketime(): string | undefined {
  const places = ['/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/lib/faketime/libfaketimeMT.so.1', '/usr/lib64/faketime/libfaketimeMT.so.1'];
  return places.flatMap((place) => globSync(place)).find((path) => existsSync(path));
}
