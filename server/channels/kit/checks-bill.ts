import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { toFen } from '../../kernel/money.ts';
import { bizDate } from '../../kernel/time.ts';
import { type Bill, type BillKind, type BillLine, BillProblem, type BillTotals, bill_kinds, dayStart, nextDay, previousDay } from '../bill.ts';
import { readBill } from '../bill-file.ts';
import type { BillAnswer } from '../client.ts';
import type { PayInput, RefundInput } from '../define.ts';
import type { Bench } from './bench.ts';
import { assertIs, type Check, paidOrder, plainMethod, refundOutcome } from './check.ts';

/** Bills: they are fetched when they are there, add up to themselves and to the truth, and a file that does not is refused whole. */
export const billChecks: readonly Check[] = [
  {
    name: 'bills: not there yet is no failure, and a day without trade has none',
    skip: skipWithoutBills,
    run: async (bench) => {
      toMorning(bench);
      const today = bizDate(bench.clock.now());
      const yesterday = previousDay(today);
      bench.simulator.inject({ kind: 'bill_not_ready', on: 'bill' });
      assertIs(await ask(bench, 'trade', yesterday), 'not_ready');
      assertIs(await ask(bench, 'trade', previousDay(yesterday)), 'empty');
      assert.notEqual((await ask(bench, 'trade', today)).is, 'file', 'no bill of a day that is not over');
    },
  },
  {
    name: 'CF-23 I-45: a trade bill holds every payment and refund of the day and adds up to its own totals',
    skip: skipWithoutBills,
    run: async (bench) => {
      const day = await tradeDay(bench);
      const { lines, totals } = await fetchAndRead(bench, 'trade', day.biz_date);
      assert.equal(totals.lines, lines.length);
      for (const input of day.orders) {
        const line = lines.find(({ kind, channel_order_no }) => kind === 'payment' && channel_order_no === input.channel_order_no);
        assert.ok(line, 'every payment has its line');
        assert.equal(line.amount_fen, input.amount_fen);
        assert.equal(line.currency, 'CNY');
        assert.equal(line.receiver, bench.subject.channel.receiver(bench.account.config));
        assert.equal(line.fee_millifen, feeOf(input.amount_fen) * 1000n);
      }
      const refunded = lines.find(({ kind, channel_refund_no }) => kind === 'refund' && channel_refund_no === day.refund.channel_refund_no);
      assert.equal(refunded?.amount_fen, day.refund.amount_fen);
      assert.equal(refunded?.direction, 'out');
      assert.equal(refunded?.fee_millifen, -feeOf(day.refund.amount_fen) * 1000n);
      const sum = (kinds: readonly string[]) => lines.reduce((total, line) => total + (kinds.includes(line.kind) ? line.amount_fen : 0n), 0n);
      assert.equal(totals.payments.amount_fen, sum(['payment']));
      assert.equal(totals.refunds.amount_fen, sum(['refund', 'reversal']));
    },
  },
  {
    name: 'bills: the balance moves by what was paid less refunds and fees',
    skip: (bench) => skipWithoutBills(bench) ?? (billOf(bench, 'fund') ? undefined : 'the channel publishes no fund bill'),
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const answer = await ask(bench, 'fund', biz_date);
      // A service provider is told of its own balance only.
      if (answer.is === 'refused') return assert.equal(bench.subject.mode, 'provider');
      const { lines } = await read(bench, 'fund', biz_date, answer);
      const trade = await fetchAndRead(bench, 'trade', biz_date);
      const signed = (sum: bigint, { direction, amount_fen, fee_millifen }: BillLine) =>
        sum + (direction === 'in' ? amount_fen : -amount_fen) - fee_millifen / 1000n;
      const moved = lines.reduce(signed, 0n);
      // A refund that failed has its line in the trade bill and moved nothing.
      const traded = trade.lines.filter(({ state }) => state !== 'failed').reduce(signed, 0n);
      assert.equal(moved, traded);
    },
  },
  {
    name: 'CF-23: a bill that is cut, does not add up or is another file is refused whole, with its reason',
    skip: skipWithoutBills,
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const { totals, packing } = billOf(bench, 'trade') ?? {};
      const broken = ['truncated', ...(totals === 'file' ? ['summary'] : []), ...(packing === 'gzip' ? ['digest'] : [])];
      for (const code of broken) {
        bench.simulator.inject({ kind: 'bill_error', code });
        const answer = await ask(bench, 'trade', biz_date);
        await assert.rejects(read(bench, 'trade', biz_date, answer), BillProblem, code);
        bench.simulator.inject({ kind: 'bill_error', code: 'correct' });
      }
    },
  },
  {
    name: 'CF-23 G-06: columns of tomorrow, other line ends and a missing mark do no harm',
    skip: skipWithoutBills,
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const whole = await fetchAndRead(bench, 'trade', biz_date);
      for (const code of ['columns', 'bare']) bench.simulator.inject({ kind: 'bill_error', code });
      const other = await fetchAndRead(bench, 'trade', biz_date);
      bench.simulator.inject({ kind: 'bill_error', code: 'correct' });
      assert.deepEqual(other, whole);
    },
  },
  {
    name: 'G-04: the bill of another account or another day is refused',
    skip: skipWithoutBills,
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const answer = await ask(bench, 'trade', biz_date);
      const other = await bench.enroll();
      await assert.rejects(read({ ...bench, account: other.account }, 'trade', biz_date, answer), BillProblem);
      await assert.rejects(read(bench, 'trade', nextDay(nextDay(biz_date)), answer), BillProblem);
    },
  },
  {
    name: 'property: a byte that changed on the way is never a crash and never taken in silence',
    skip: (bench) =>
      skipWithoutBills(bench) ?? (billOf(bench, 'trade')?.packing === 'none' ? 'plain text has no checksum: only its totals hold it together' : undefined),
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const answer = await ask(bench, 'trade', biz_date);
      assertIs(answer, 'file');
      const whole = await read(bench, 'trade', biz_date, answer);
      let refused = 0;
      for (let turn = 0; turn < 150; turn++) {
        const bytes = mutated(answer.bytes, turn);
        const found: Read | BillProblem = await attempt(read(bench, 'trade', biz_date, { ...answer, bytes }));
        if (found instanceof BillProblem) refused++;
        else assert.deepEqual(found, whole, 'what was not refused is what was sent');
      }
      assert.ok(refused > 100, `only ${refused} of 150 were refused`);
    },
  },
  {
    name: 'property: the same of a file that was unpacked and uploaded: what is taken has its own totals',
    skip: (bench) => skipWithoutBills(bench) ?? (billOf(bench, 'trade')?.packing === 'zip' ? 'the archive has two files and is uploaded as it is' : undefined),
    run: async (bench) => {
      const biz_date = await dayOfTrade(bench);
      const answer = await ask(bench, 'trade', biz_date);
      assertIs(answer, 'file');
      const text = billOf(bench, 'trade')?.packing === 'none' ? answer.bytes : gunzipSync(answer.bytes);
      const whole = await read(bench, 'trade', biz_date, { is: 'file', bytes: text, digest: undefined });
      const sealed = await read(bench, 'trade', biz_date, { is: 'file', bytes: gzipSync(text), digest: undefined });
      assert.deepEqual(sealed, whole);
      for (let turn = 0; turn < 300; turn++) {
        const found: Read | BillProblem = await attempt(read(bench, 'trade', biz_date, { is: 'file', bytes: mutated(text, turn), digest: undefined }));
        if (!(found instanceof BillProblem)) assert.deepEqual(found.totals, whole.totals, 'no money was changed');
      }
    },
  },
];

const billOf = ({ subject }: Bench, kind: BillKind): Bill<unknown> | undefined => subject.channel.bills?.[kind];

function skipWithoutBills(bench: Bench): string | undefined {
  return bill_kinds.some((kind) => billOf(bench, kind)) ? undefined : 'the channel publishes no bills';
}

const feeOf = (amount_fen: bigint): bigint => (amount_fen * 6n + 500n) / 1000n;

const ask = ({ client, account }: Bench, kind: BillKind, biz_date: string): Promise<BillAnswer> => client.bill(account, { kind, biz_date });

type Read = { readonly lines: readonly BillLine[]; readonly totals: BillTotals };

async function read(bench: Bench, kind: BillKind, biz_date: string, answer: BillAnswer): Promise<Read> {
  assertIs(answer, 'file');
  const bill = billOf(bench, kind);
  assert.ok(bill);
  const lines: BillLine[] = [];
  const reading = readBill({ bill, subject: { config: bench.account.config, biz_date }, file: answer });
  for (;;) {
    const step = await reading.next();
    if (step.done) return { lines, totals: step.value.totals };
    lines.push(...step.value);
  }
}

const fetchAndRead = async (bench: Bench, kind: BillKind, biz_date: string): Promise<Read> => read(bench, kind, biz_date, await ask(bench, kind, biz_date));

/** Anything but a `BillProblem` is a crash, and fails the check. */
const attempt = <T>(work: Promise<T>): Promise<T | BillProblem> =>
  work.catch((error: unknown) => {
    if (error instanceof BillProblem) return error;
    throw error;
  });

/** One byte changed, dropped or repeated; which and where depends on the turn alone. */
function mutated(bytes: Buffer, turn: number): Buffer {
  const at = (turn * 7919 + 13) % bytes.length;
  if (turn % 3 === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  if (turn % 3 === 1) return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] as number) ^ (1 << (turn % 8));
  return changed;
}

/** The next time that it is half past ten in Beijing: checks before this one have let hours pass, and some gateways close their day before midnight. */
function toMorning({ clock }: Bench): void {
  const wanted_ms = dayStart(nextDay(bizDate(clock.now()))).getTime() + 10.5 * 3_600_000;
  clock.advance(wanted_ms - clock.now().getTime());
}

type TradeDay = { readonly biz_date: string; readonly orders: readonly PayInput[]; readonly refund: RefundInput };
const days = new WeakMap<Bench['simulator'], string>();

/** A day with some payments and a refund, looked at after noon of the day after. */
async function tradeDay(bench: Bench): Promise<TradeDay> {
  toMorning(bench);
  const method = plainMethod(bench.subject.channel);
  const orders: PayInput[] = [];
  for (let nth = 0; nth < 4; nth++) orders.push(await paidOrder(bench, method));
  const [first] = orders;
  assert.ok(first);
  const refund = bench.refundInput(first, { amount_fen: toFen(40) });
  await bench.client.refund(bench.account, refund);
  assertIs(await refundOutcome(bench, refund), 'succeeded');
  const biz_date = bizDate(bench.clock.now());
  const wanted_ms = dayStart(nextDay(biz_date)).getTime() + 12.5 * 3_600_000;
  bench.clock.advance(wanted_ms - bench.clock.now().getTime());
  days.set(bench.simulator, biz_date);
  return { biz_date, orders, refund };
}

/** The day of the bench that has payments and a refund; its bills can be fetched. */
export const dayOfTrade = async (bench: Bench): Promise<string> => days.get(bench.simulator) ?? (await tradeDay(bench)).biz_date;
