import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process of the measurement that is ready to work. */
export type Running = { readonly child: ChildProcess; readonly pid: number; readonly port: number; readonly stop: () => Promise<void> };

/** What we have started ends with us, in whatever way we end. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Starts a program of this repository with this Node; it says `{ ready: port }` over IPC once it listens. What it prints goes to our errors, or to a file. */
export async function start(
  file: URL,
  args: readonly string[],
  env: Record<string, string>,
  node_options: readonly string[] = [],
  output_fd = 2,
): Promise<Running> {
  const child = spawn(process.execPath, [...node_options, file.pathname, ...args], {
    env: { ...environment(), ...env },
    stdio: ['ignore', output_fd, output_fd, 'ipc'],
  });
  living.add(child);
  child.once('exit', () => living.delete(child));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file.pathname} ended with ${code} before it was ready`)));
    child.on('message', (message: { ready?: number }) => {
      if (message.ready !== undefined) resolve(message.ready);
    });
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    port,
    pid: child.pid as number,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** A setting of the caller's shell must not change what is measured. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HELIU_') && name !== 'DATABASE_URL'));

/** CPU milliseconds that a process and its children have used, ended children included. Linux only: zero elsewhere. */
export function cpuMs(pid: number): number {
  return processTree(pid).reduce((total, each) => total + ownCpuMs(each), 0);
}

/** A clock tick of /proc is a hundredth of a second on every Linux that runs Node. */
const tick_ms = 10;

function ownCpuMs(pid: number): number {
  const fields = statOf(pid);
  return fields ? fields.slice(11, 15).reduce((total, ticks) => total + Number(ticks), 0) * tick_ms : 0;
}

/** CPU milliseconds that the whole machine has spent on work, by anyone. Linux only: zero elsewhere. */
export function machineCpuMs(): number {
  try {
    const fields = /^cpu +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
    return (user + nice + system + irq + softirq) * tick_ms;
  } catch {
    return 0;
  }
}

function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of listProc()) {
    const parent = Number(statOf(Number(name))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(tree)];
  return tree(root);
}

function listProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Fields of /proc/PID/stat after the command, which is in brackets and may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
