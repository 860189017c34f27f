import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { createServer, Agent as HttpAgent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';

/** What this machine can do at this moment, in units that do not involve Heliu: a figure without them means nothing elsewhere. */
export type Calibration = {
  /** pgbench -N: update, select, insert in one transaction. */
  readonly pg_simple_update_tps: number;
  /** PostgreSQL's own program where the machine has it; else the same transaction driven from Node, which is slower. */
  readonly pg_driver: 'pgbench' | 'node';
  /** CPU milliseconds of PostgreSQL for one of these transactions: unlike a rate, little changed by what else runs. */
  readonly pg_simple_update_cpu_ms: number;
  readonly rsa2048_sign_per_s: number;
  readonly http_json_per_s: number;
};

/** `postgresCpuMs` reads what PostgreSQL has used so far. */
export async function calibrate(database_url: string, connections: number, seconds: number, postgresCpuMs: () => number): Promise<Calibration> {
  const program = findPgbench();
  if (program) preparePgbench(program, database_url);
  const before_ms = postgresCpuMs();
  const pg_simple_update_tps = program ? pgbench(program, database_url, connections, seconds) : await nodePgbench(database_url, connections, seconds);
  const cpu_ms = postgresCpuMs() - before_ms;
  return {
    pg_simple_update_tps,
    pg_driver: program ? 'pgbench' : 'node',
    pg_simple_update_cpu_ms: Math.round((cpu_ms / (pg_simple_update_tps * seconds)) * 1000) / 1000,
    rsa2048_sign_per_s: rsaPerSecond(seconds / 4),
    http_json_per_s: await httpPerSecond(seconds / 4),
  };
}

function findPgbench(): string | undefined {
  const versions = '/usr/lib/postgresql';
  const packaged = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin', 'pgbench')) : [];
  const on_path = (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'pgbench'));
  return [...packaged.toSorted().reverse(), ...on_path].find((path) => existsSync(path));
}

const scale = 5;

function preparePgbench(program: string, url: string): void {
  const init = spawnSync(program, ['-i', '-q', '-s', String(scale), url], { encoding: 'utf8' });
  if (init.status !== 0) throw new Error(`pgbench failed: ${init.stderr}`);
}

function pgbench(program: string, url: string, connections: number, seconds: number): number {
  const run = spawnSync(program, ['-N', '-M', 'prepared', '-c', String(connections), '-j', '2', '-T', String(Math.round(seconds)), url], { encoding: 'utf8' });
  const tps = /tps = ([\d.]+)/.exec(run.stdout)?.[1];
  if (tps === undefined) throw new Error(`pgbench failed: ${run.stderr}`);
  return Math.round(Number(tps));
}

async function nodePgbench(url: string, connections: number, seconds: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  await pool.query(`drop table if exists bench_accounts; drop table if exists bench_history;
    create table bench_accounts (aid integer primary key, abalance integer not null, filler char(84));
    create table bench_history (aid integer, delta integer, mtime timestamp, filler char(22));
    insert into bench_accounts select i, 0, '' from generate_series(1, ${scale * 100_000}) i`);
  const until = performance.now() + seconds * 1000;
  const worker = async () => {
    const client = await pool.connect();
    let done = 0;
    while (performance.now() < until) {
      const aid = 1 + Math.floor(Math.random() * scale * 100_000);
      await client.query('begin');
      await client.query({ name: 'u', text: 'update bench_accounts set abalance = abalance + $1 where aid = $2', values: [1, aid] });
      await client.query({ name: 's', text: 'select abalance from bench_accounts where aid = $1', values: [aid] });
      await client.query({ name: 'i', text: 'insert into bench_history (aid, delta, mtime) values ($1, $2, current_timestamp)', values: [aid, 1] });
      await client.query('commit');
      done++;
    }
    client.release();
    return done;
  };
  const counts = await Promise.all(Array.from({ length: connections }, worker));
  await pool.end();
  return Math.round(counts.reduce((total, count) => total + count, 0) / seconds);
}

function rsaPerSecond(seconds: number): number {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const message = Buffer.alloc(500, 'x');
  const until = performance.now() + seconds * 1000;
  let done = 0;
  for (; performance.now() < until; done++) sign('sha256', message, privateKey);
  return Math.round(done / seconds);
}

/** POST of a small JSON over kept connections, server and client in this one process. */
async function httpPerSecond(seconds: number): Promise<number> {
  const server = createServer((incoming, answer) => {
    incoming.resume().once('end', () => answer.setHeader('content-type', 'application/json').end('{"ok":true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 32 });
  const until = performance.now() + seconds * 1000;
  const post = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, method: 'POST', agent, headers: { 'content-type': 'application/json' } }, (answer) => {
        answer.resume().once('end', resolve);
      });
      outgoing.once('error', reject).end('{"amount_fen":100,"merchant_order_no":"0123456789"}');
    });
  const counts = await Promise.all(
    Array.from({ length: 32 }, async () => {
      let done = 0;
      for (; performance.now() < until; done++) await post();
      return done;
    }),
  );
  agent.destroy();
  server.close();
  return Math.round(counts.reduce((total, count) => total + count, 0) / seconds);
}
