import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Acknowledgements } from '../testing/installation.ts';
import { cpuMs, machineCpuMs } from '../testing/processes.ts';
import { closedLoop, percentile } from './load.ts';
import { type Load, type Outcome, offer, type Wish } from './offer.ts';
import { check } from './payments.ts';
import { inject, openStand, type Stand, verifyBooks } from './stand.ts';
import { readHeliu } from './watch.ts';

export type OverloadBenchOptions = { readonly seconds: number; readonly payers: number; readonly say: (line: string) => void };

const warm_up_s = 12;
/** The start of each load is left out: connections are made and queues fill. */
const ramp_s = 2;
/** What was accepted is told within this time after the load, or counts as not told; `check` looks again at the end. */
const patience_s = 30;

/** The targets of L-04, L-07, L-08, L-09 and L-10. */
const targets = {
  half_peak_p99_to_p50_max: 6,
  half_peak_notified_p99_ms_max: 2_000,
  overload_goodput_min: 0.8,
  refused_in_ms_max: 1_000,
  other_channel_goodput_min: 0.9,
  other_channel_p99_max: 1.5,
  other_merchant_p99_max: 2,
} as const;

/**
 * What happens to payments when more come than fit: three times the peak, one gateway that hangs, one merchant who sends
 * four of five. Everything on this machine, as in `benchPayments`, so each value is compared with one of the same run.
 */
export async function benchOverload({ seconds, payers, say }: OverloadBenchOptions) {
  // Fairness is looked at between merchants, not between keys: the limit of each key is out of the way.
  const stand = await openStand({});
  const { installation } = stand;
  const heliu = await installation.startHeliu();
  try {
    const { heliu_url, simulators_url, api_key } = installation;
    const acknowledged = await installation.listen();
    const small_key = await installation.addMerchant();
    const small_acknowledged = await installation.listen(small_key);
    const target = { heliu: heliu_url, simulators: simulators_url, api_key, acknowledged: acknowledged.of };
    say('warming up');
    await closedLoop(target, payers, warm_up_s);
    await warmUpSmall(stand, small_key, small_acknowledged);
    await readHeliu(heliu_url);
    say(`peak: closed loop, ${payers} payers, ${seconds} s`);
    const closed = await closedLoop(target, payers, seconds);
    const peak = closed.samples.length / closed.seconds;
    const before = await readHeliu(heliu_url);

    const run = async (
      what: string,
      load: Omit<Load, 'heliu' | 'simulators' | 'acknowledged' | 'seconds' | 'patience_s' | 'each'> & { patience_s?: number },
    ) => {
      say(`${what}: ${load.per_second.toFixed(0)} payments/s, ${seconds} s`);
      const outcomes: Outcome[] = [];
      const machine = machineCpuMs();
      const own = process.cpuUsage();
      const used = cpuMs(heliu.pid);
      const started = performance.now();
      const base = { heliu: heliu_url, simulators: simulators_url, acknowledged: small_acknowledged, seconds, patience_s };
      await offer({ ...base, ...load, each: (outcome) => outcomes.push(outcome) });
      const took_ms = performance.now() - started;
      const load_ms = (process.cpuUsage(own).user + process.cpuUsage(own).system) / 1000;
      await settle();
      return {
        outcomes,
        reading: await readHeliu(heliu_url),
        cores: { heliu: round((cpuMs(heliu.pid) - used) / took_ms), load: round(load_ms / took_ms), machine: round((machineCpuMs() - machine) / took_ms) },
      };
    };
    const wallet = (nth: number): Wish['channel'] => (nth % 2 === 0 ? 'alipay' : 'wechatpay');

    const over = await run('overload', { per_second: 3 * peak, wish: (nth) => ({ api_key, channel: wallet(nth) }) });
    const small_rate = peak / 4;
    const alone = await run('a small merchant alone', { per_second: small_rate, wish: (nth) => ({ api_key: small_key, channel: wallet(nth) }) });
    const beside = await run('beside a merchant who sends 80 %', {
      per_second: small_rate * 5,
      wish: (nth) => ({ api_key: nth % 5 === 0 ? small_key : api_key, channel: wallet(Math.floor(nth / 5)) }),
    });
    const both = await run('both gateways well', { per_second: peak / 2, wish: (nth) => ({ api_key, channel: wallet(nth) }) });
    await hang(simulators_url);
    const hung = await run('one gateway hangs', { per_second: peak / 2, wish: (nth) => ({ api_key, channel: wallet(nth) }), patience_s: 12 });
    await delay(2_000);
    const after = await readHeliu(heliu_url);
    const checks = await check(stand.database_url, simulators_url, acknowledged.events);
    const books = verifyBooks(stand);

    const goodput = rateOf(over.outcomes, seconds);
    const refused = over.outcomes.filter((outcome) => outcome.is === 'refused');
    const refused_ms = refused.map(({ took_ms }) => took_ms);
    const l07 = {
      offered_per_s: round(3 * peak),
      goodput_per_s: round(goodput),
      of_peak: round(goodput / peak),
      ...counts(over.outcomes),
      refused_ms: { p50: round(percentile(refused_ms, 0.5)), p99: round(percentile(refused_ms, 0.99)), max: round(Math.max(0, ...refused_ms)) },
      without_retry_after: refused.filter((outcome) => outcome.is === 'refused' && !outcome.retry_after).length,
      accepted: timesOf(over.outcomes),
      event_loop_p99_ms: over.reading.event_loop_p99_ms,
      cores: over.cores,
    };
    const of = (outcomes: readonly Outcome[], mine: (wish: Wish) => boolean) => outcomes.filter(({ wish }) => mine(wish));
    const alone_times = timesOf(alone.outcomes);
    const small = of(beside.outcomes, ({ api_key: key }) => key === small_key);
    const small_times = timesOf(small);
    const l09 = {
      small_per_s: round(small_rate),
      alone: { ...counts(alone.outcomes), ...alone_times },
      beside: { ...counts(small), ...small_times },
      large: { ...counts(of(beside.outcomes, ({ api_key: key }) => key === api_key)) },
      p99_ratio: round(small_times.create_ms.p99 / alone_times.create_ms.p99),
      event_loop_p99_ms: { alone: alone.reading.event_loop_p99_ms, beside: beside.reading.event_loop_p99_ms },
      cores: { alone: alone.cores, beside: beside.cores },
    };
    const half_times = timesOf(both.outcomes);
    const half = {
      ...counts(both.outcomes),
      ...half_times,
      p99_to_p50: round(half_times.create_ms.p99 / half_times.create_ms.p50),
    };
    const well = of(both.outcomes, ({ channel }) => channel === 'alipay');
    const other = of(hung.outcomes, ({ channel }) => channel === 'alipay');
    const l08 = {
      well: { per_s: round(rateOf(well, seconds)), ...counts(well), ...timesOf(well) },
      beside: { per_s: round(rateOf(other, seconds)), ...counts(other), ...timesOf(other) },
      hanging: counts(of(hung.outcomes, ({ channel }) => channel === 'wechatpay')),
      goodput_ratio: round(rateOf(other, seconds) / rateOf(well, seconds)),
      p99_ratio: round(timesOf(other).create_ms.p99 / timesOf(well).create_ms.p99),
      notified_p99_ratio: round(timesOf(other).notified_ms.p99 / timesOf(well).notified_ms.p99),
      cores: { well: both.cores, beside: hung.cores },
    };
    const everything_settled = checks.lost + checks.invented + checks.told_twice + books.violations + books.unknown === 0;
    return {
      bench: 'overload',
      cores: availableParallelism(),
      peak_per_s: round(peak),
      half_peak: half,
      l07,
      l08,
      l09,
      heliu: { before, after },
      checks: { ...checks, verify: books },
      met: {
        l04_shape: half.p99_to_p50 <= targets.half_peak_p99_to_p50_max,
        // From the payer's confirmation to the acknowledged webhook: more than the lag that is meant.
        l10_lag: half.notified_ms.p99 <= targets.half_peak_notified_p99_ms_max,
        l07_goodput: l07.of_peak >= targets.overload_goodput_min,
        l07_refused_in_time: l07.refused_ms.max <= targets.refused_in_ms_max && l07.without_retry_after === 0,
        l07_nothing_else: l07.failed === 0 && l07.untold === 0,
        l07_nothing_lost: everything_settled,
        l08_goodput: l08.goodput_ratio >= targets.other_channel_goodput_min,
        l08_p99: l08.p99_ratio <= targets.other_channel_p99_max,
        l09_p99: l09.p99_ratio <= targets.other_merchant_p99_max,
      },
    };
  } finally {
    heliu.child.kill('SIGTERM');
    await stand.close();
    heliu.child.kill('SIGKILL');
  }
}

/** The second merchant's accounts and keys are in memory before anything is measured. */
async function warmUpSmall({ installation }: Stand, api_key: string, acknowledged: Acknowledgements): Promise<void> {
  const { heliu_url: heliu, simulators_url: simulators } = installation;
  const wish = (nth: number): Wish => ({ api_key, channel: nth % 2 === 0 ? 'alipay' : 'wechatpay' });
  await offer({ heliu, simulators, acknowledged, per_second: 10, seconds: 2, patience_s: 10, wish, each: () => {} });
}

/** Every call to WeChat Pay takes longer than anyone waits, until the gateways end. */
async function hang(simulators_url: string): Promise<void> {
  await inject(simulators_url, 'wechatpay', { kind: 'slow', ms: 30_000, times: 1_000_000_000 });
}

/** Payments per second that were done while the load lasted. */
function rateOf(outcomes: readonly Outcome[], seconds: number): number {
  const done = outcomes.filter(({ is, done_ms }) => is === 'paid' && done_ms >= ramp_s * 1000 && done_ms < seconds * 1000);
  return done.length / (seconds - ramp_s);
}

function counts(outcomes: readonly Outcome[]) {
  const count = (is: Outcome['is']) => outcomes.filter((outcome) => outcome.is === is).length;
  const failed = outcomes.find((outcome) => outcome.is === 'failed');
  const first = failed ? { first_failure: failed.is === 'failed' ? failed.why : '' } : {};
  return {
    sent: outcomes.length,
    paid: count('paid'),
    refused: count('refused'),
    open: count('open'),
    untold: count('untold'),
    failed: count('failed'),
    ...first,
  };
}

function timesOf(outcomes: readonly Outcome[]) {
  const paid = outcomes.filter((outcome) => outcome.is === 'paid');
  const creates = paid.map(({ took_ms }) => took_ms);
  const notified = paid.map(({ notified_ms }) => notified_ms);
  const gateway = paid.map(({ gateway_ms }) => gateway_ms);
  return {
    create_ms: { p50: round(percentile(creates, 0.5)), p99: round(percentile(creates, 0.99)) },
    notified_ms: { p50: round(percentile(notified, 0.5)), p99: round(percentile(notified, 0.99)) },
    gateway_ms: { p50: round(percentile(gateway, 0.5)), p99: round(percentile(gateway, 0.99)) },
  };
}

const settle = () => delay(1_500);
const round = (value: number): number => Math.round(value * 100) / 100;
