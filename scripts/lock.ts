import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An entry of package-lock.json, as far as it matters here. */
type Entry = {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
export type Lock = { readonly packages: Readonly<Record<string, Entry>> };

/** package-lock.json with an entry for every machine. */
export async function printLock(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8');
  return `${JSON.stringify(completeLock(JSON.parse(text) as Lock), null, 2)}\n`;
}

/**
 * npm leaves the builds for other machines out of the lock when the registry that it asked does not hold them, and `npm ci`
 * then refuses the lock everywhere. Their versions are exact in the package that they belong to, so they are filled in: a
 * machine that needs one fetches that version.
 */
export function completeLock(lock: Lock): Lock {
  const packages: Record<string, Entry> = { ...lock.packages };
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const machine = machineOf(name);
      if (!machine || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) continue;
      packages[`node_modules/${name}`] ??= { version, ...machine, ...(entry.dev ? { dev: true } : {}), optional: true };
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

const systems: Readonly<Record<string, string>> = {
  aix: 'aix',
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
  openharmony: 'openharmony',
  sunos: 'sunos',
  win32: 'win32',
  windows: 'win32',
};
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const libraries: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** `@swc/core-linux-x64-musl` names the machine that it was built for; undefined when a name says no system and processor. */
function machineOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> | undefined {
  const words = name.slice(name.lastIndexOf('/') + 1).split('-');
  const os = words.map((word) => systems[word]).find((word) => word !== undefined);
  const cpu = words.find((word) => processors.includes(word));
  const libc = words.map((word) => libraries[word]).find((word) => word !== undefined);
  if (os === undefined || cpu === undefined) return undefined;
  return { os: [os], cpu: [cpu], ...(os === 'linux' && libc !== undefined ? { libc: [libc] } : {}) };
}
