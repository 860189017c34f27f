import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import type { Running } from '../../testing/processes.ts';

/** A PostgreSQL with the directory that it lives in, and who looks after it. */
export type Member = { readonly data_dir: string; readonly owner: Running; readonly port: number };

export type StandbyOptions = {
  readonly primary: pg.Client;
  readonly from: Pick<Member, 'data_dir' | 'port'>;
  /** Empty, or what an earlier member has left. */
  readonly data_dir: string;
  /** On which it shall listen, if not on any. */
  readonly port: number | undefined;
  readonly password: string;
  readonly launch: (data_dir: string, settings: Readonly<Record<string, string>>) => Promise<Running>;
};

const slot = 'standby';
const caught_up_ms_max = 120_000;
const poll_ms = 20;

/**
 * Copies the cluster of the primary while it works and starts the copy as its standby. When it resolves the primary
 * acknowledges no commit that the standby has not flushed: without that, a failover loses what was acknowledged.
 */
export async function startStandby({ primary, from, data_dir, port, password, launch }: StandbyOptions): Promise<Member> {
  const [home, copy] = [join(from.data_dir, 'postgres'), join(data_dir, 'postgres')];
  const cluster = join(copy, 'cluster');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(data_dir, { recursive: true });
  // Keeps the log from here on, of which none is copied.
  await primary.query('select pg_create_physical_replication_slot($1, true)', [slot]);
  await primary.query("select pg_backup_start('standby', true)");
  copyWorking(home, copy);
  const { rows } = await primary.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
  for (const inside of ['pg_wal', 'pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_stat_tmp', 'pg_subtrans']) empty(join(cluster, inside));
  for (const file of ['postmaster.pid', 'postmaster.opts']) rmSync(join(cluster, file), { force: true });
  const { uid, gid } = statSync(cluster);
  for (const [file, text] of Object.entries({ backup_label: rows[0]?.labelfile ?? '', 'standby.signal': '' })) {
    writeFileSync(join(cluster, file), text, { mode: 0o600 });
    chownSync(join(cluster, file), uid, gid);
  }
  rmSync(join(copy, 'port'), { force: true });
  if (port !== undefined) writeFileSync(join(copy, 'port'), `${port}\n`);
  const owner = await launch(data_dir, {
    primary_conninfo: `host=127.0.0.1 port=${from.port} user=heliu password=${password}`,
    primary_slot_name: slot,
  });
  await primary.query("alter system set synchronous_standby_names = '*'");
  await primary.query('select pg_reload_conf()');
  await awaited('follows the primary', async () => {
    const { rowCount } = await primary.query("select 1 from pg_stat_replication where state = 'streaming' and sync_state = 'sync'");
    return rowCount === 1;
  });
  return { data_dir, owner, port: owner.port };
}

/** Makes a primary of it. */
export async function promote(standby: pg.Client): Promise<void> {
  await standby.query('select pg_promote(true, 60)');
  await awaited('is promoted', async () => {
    const { rows } = await standby.query<{ recovers: boolean }>('select pg_is_in_recovery() as recovers');
    return rows[0]?.recovers === false;
  });
}

async function awaited(what: string, come: () => Promise<boolean>): Promise<void> {
  const give_up_ms = performance.now() + caught_up_ms_max;
  while (!(await come())) {
    if (performance.now() > give_up_ms) throw new Error(`no standby ${what}`);
    await setTimeout(poll_ms);
  }
}

/** With owners and rights. Files go while they are copied: the log that is replayed knows of each. */
function copyWorking(from: string, to: string): void {
  const { stderr } = spawnSync('cp', ['-a', from, to], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  const problems = stderr.split('\n').filter((line) => line !== '' && !line.includes('No such file or directory'));
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

function empty(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}
