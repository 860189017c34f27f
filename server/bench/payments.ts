import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../platform/clock.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { migrate } from '../platform/db/migrate.ts';
import { createLog } from '../platform/log.ts';
import { systemRng } from '../platform/rng.ts';
import { anInstallation } from '../testing/installation.ts';
import { cpuMs, machineCpuMs, type Running } from '../testing/processes.ts';
import { type Calibration, calibrate } from './calibration.ts';
import { largestCosts } from './cpu-profile.ts';
import { closedLoop, type LoadResult, openLoop, percentile, type Target } from './load.ts';
import { accounts_each, routedBy, turnRulesOn } from './routing-rules.ts';

/** As many as Heliu has by default, so that both are measured with the same room. */
const connections = 20;

/** Until Node has compiled what is hot and PostgreSQL knows its tables. */
const warm_up_s = 15;

export type PaymentsBenchOptions = {
  readonly seconds: number;
  readonly payers: number;
  readonly profile: boolean;
  readonly rules: boolean;
  readonly say: (line: string) => void;
};

/**
 * Payments end to end, everything on this machine and each part a process of its own: PostgreSQL, Heliu in production
 * mode, both gateways, the merchant's receiver, and this load generator. A payment counts when its webhook was acknowledged.
 * `rules`: with four accounts and a rule set of a hundred rules; what that costs is the ratio to a run without.
 */
export async function benchPayments({ seconds, payers, profile, rules, say }: PaymentsBenchOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'heliu-bench-'));
  const log = createLog('warn', systemClock);
  const postgres = await startEmbedded({ data_dir: folder, clock: systemClock, rng: systemRng, log });
  const running: Running[] = [];
  try {
    const { database_url } = postgres;
    await migrate({ database_url, clock: systemClock, log });
    say('starting the gateways, the receiver and Heliu');
    const installation = await anInstallation(database_url, folder, {}, rules ? accounts_each : 1);
    const { heliu_url, simulators_url, api_key, simulators, receiver } = installation;
    running.push(receiver, simulators);
    // A bundle would not say which package or file of ours it was.
    const profiled = profile ? { node_options: ['--cpu-prof', `--cpu-prof-dir=${join(folder, 'profile')}`], args: ['--from-source'] } : undefined;
    const heliu = await installation.startHeliu(profiled?.node_options, undefined, profiled?.args);
    running.unshift(heliu);
    if (rules) await turnRulesOn(heliu_url, api_key);
    const acknowledged = await installation.listen();
    const target: Target = { heliu: heliu_url, simulators: simulators_url, api_key, acknowledged: acknowledged.of };

    say('warming up');
    await closedLoop(target, payers, warm_up_s);
    say('calibrating');
    const pids = { heliu: heliu.pid, postgres: await postmasterPid(database_url.expose()), simulator: simulators.pid, receiver: receiver.pid };
    const calibrateNow = () => calibrate(database_url.expose(), connections, Math.round(Math.max(4, seconds / 4)), () => cpuMs(pids.postgres));
    const before = await calibrateNow();
    say(`closed loop, ${payers} payers, ${seconds} s`);
    const first = await readings(database_url.expose(), heliu_url, pids);
    const saturated = await closedLoop(target, payers, seconds);
    const others_ms = machineCpuMs() - first.machine_cpu_ms - (total(cpuOf(pids)) - total(first.cpu));
    await idle();
    const second = await readings(database_url.expose(), heliu_url, pids);
    const payments = saturated.samples.length;
    const payments_per_s = payments / saturated.seconds;
    say(`open loop, ${(payments_per_s / 2).toFixed(0)} payments/s, ${seconds} s`);
    const half = await openLoop(target, payments_per_s / 2, seconds);
    const after = await calibrateNow();
    await idle();
    const checks = await check(database_url.expose(), simulators_url, acknowledged.events);
    const routing = rules ? { routing: await routedBy(database_url.expose()) } : {};
    const calibration = mean(before, after);
    for (const each of running.splice(0)) await each.stop();

    return {
      bench: 'payments',
      payments,
      payments_per_s: round(payments_per_s),
      latency_added_ms: {
        p50: round(
          percentile(
            half.samples.map((sample) => sample.added_ms),
            0.5,
          ),
        ),
        p99: round(
          percentile(
            half.samples.map((sample) => sample.added_ms),
            0.99,
          ),
        ),
      },
      create_ms: {
        p50: round(
          percentile(
            half.samples.map((sample) => sample.create_ms),
            0.5,
          ),
        ),
        p99: round(
          percentile(
            half.samples.map((sample) => sample.create_ms),
            0.99,
          ),
        ),
      },
      paid_to_acknowledged_ms: {
        p50: round(
          percentile(
            half.samples.map((sample) => sample.notified_ms),
            0.5,
          ),
        ),
        p99: round(
          percentile(
            half.samples.map((sample) => sample.notified_ms),
            0.99,
          ),
        ),
      },
      statements_per_payment: round((second.statements - first.statements) / payments),
      commits_per_payment: round((second.commits - first.commits) / payments),
      cpu_ms_per_payment: {
        heliu: round((second.cpu.heliu - first.cpu.heliu) / payments),
        postgres: round((second.cpu.postgres - first.cpu.postgres) / payments),
        simulator: round((second.cpu.simulator - first.cpu.simulator) / payments),
        load: round((second.cpu.load + second.cpu.receiver - first.cpu.load - first.cpu.receiver) / payments),
      },
      /** What other programs took of the machine during the closed loop, between 0 and 1: the result is lower by as much. */
      machine_share_of_others: round(Math.max(0, others_ms) / (saturated.seconds * 1000 * availableParallelism())),
      calibration,
      /** The run is void when the machine changed under it by more than a quarter. */
      calibration_drift: round(Math.abs(before.pg_simple_update_tps - after.pg_simple_update_tps) / before.pg_simple_update_tps),
      /** What a payment costs the database, counted in the calibration's transactions. Holds on a machine that others use too. */
      pg_transactions_per_payment: round((second.cpu.postgres - first.cpu.postgres) / payments / calibration.pg_simple_update_cpu_ms),
      ratio_to_pg: Math.round((payments_per_s / calibration.pg_simple_update_tps) * 10_000) / 10_000,
      ...routing,
      errors: errorsOf(saturated, half),
      checks,
      ...(profile ? { largest_costs: largestCosts(join(folder, 'profile'), 8) } : {}),
    };
  } finally {
    for (const each of running) await each.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Pids = { readonly heliu: number; readonly postgres: number; readonly simulator: number; readonly receiver: number };

async function readings(database_url: string, heliu: string, pids: Pids) {
  const client = new pg.Client({ connectionString: database_url });
  await client.connect();
  const { rows } = await client.query('select sum(xact_commit)::bigint as commits from pg_stat_database where datname = current_database()');
  await client.end();
  const metrics = await (await fetch(`${heliu}/metrics`)).text();
  const statements = [...metrics.matchAll(/^heliu_db_statements_total(?:\{[^}]*\})? (\d+)/gm)].reduce((total, [, count]) => total + Number(count), 0);
  return { commits: Number(rows[0].commits), statements, cpu: cpuOf(pids), machine_cpu_ms: machineCpuMs() };
}

function cpuOf(pids: Pids) {
  const own = process.cpuUsage();
  return {
    heliu: cpuMs(pids.heliu),
    postgres: cpuMs(pids.postgres),
    simulator: cpuMs(pids.simulator),
    receiver: cpuMs(pids.receiver),
    load: (own.user + own.system) / 1000,
  };
}

const total = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((sum, part) => sum + part, 0);

async function postmasterPid(database_url: string): Promise<number> {
  const client = new pg.Client({ connectionString: database_url });
  await client.connect();
  const { rows } = await client.query("select (string_to_array(pg_read_file('postmaster.pid'), E'\\n'))[1]::integer as pid");
  await client.end();
  return rows[0].pid as number;
}

/** Whatever the gateways hold as paid is paid here and was told once, and nothing else is. */
export async function check(database_url: string, simulators: string, seen: ReadonlyMap<string, ReadonlySet<string>>) {
  const truth = (await (await fetch(`${simulators}/control/truth`)).json()) as Record<string, { payments: { order_no: string; transaction_id: string }[] }>;
  const held = new Set(Object.values(truth).flatMap(({ payments }) => payments.map(({ transaction_id }) => transaction_id)));
  const client = new pg.Client({ connectionString: database_url });
  await client.connect();
  const { rows: paid } = await client.query(
    "select p.id, a.channel_transaction_id from payments p join attempts a on a.merchant_id = p.merchant_id and a.id = p.accepted_attempt_id where p.state = 'paid'",
  );
  const { rows: open } = await client.query("select count(*)::integer as count from deliveries where state <> 'delivered'");
  const { rows: stored } = await client.query(
    "select count(*)::integer as count, count(distinct object_id)::integer as objects from events where type = 'payment.paid'",
  );
  await client.end();
  const ours = new Set(paid.map((row) => row.channel_transaction_id as string));
  return {
    paid_at_gateways: held.size,
    lost: [...held].filter((id) => !ours.has(id)).length,
    invented: [...ours].filter((id) => !held.has(id)).length,
    told_twice: stored[0].count - stored[0].objects + [...seen.values()].filter((events) => events.size > 1).length,
    not_acknowledged: paid.filter((row) => !seen.has(row.id as string)).length,
    deliveries_open: open[0].count as number,
  };
}

const errorsOf = (...results: LoadResult[]) => {
  const errors = results.flatMap((result) => result.errors);
  return { count: errors.length, first: errors[0] ?? null };
};

/** PostgreSQL publishes its counters at most every second, and late deliveries belong to the run. */
const idle = () => new Promise((resolve) => setTimeout(resolve, 2500));

function mean(a: Calibration, b: Calibration): Calibration {
  const of = (name: 'pg_simple_update_tps' | 'rsa2048_sign_per_s' | 'http_json_per_s') => Math.round((a[name] + b[name]) / 2);
  return {
    pg_simple_update_tps: of('pg_simple_update_tps'),
    pg_driver: a.pg_driver,
    pg_simple_update_cpu_ms: (a.pg_simple_update_cpu_ms + b.pg_simple_update_cpu_ms) / 2,
    rsa2048_sign_per_s: of('rsa2048_sign_per_s'),
    http_json_per_s: of('http_json_per_s'),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;
