import type { StatementGroup, StatementTotals } from '@heliu/contract';
import { roundMillifen } from '../channels/bill.ts';
import { type Fen, fenToNumber } from '../kernel/money.ts';
import type { Arrival } from './arrival/arrival.ts';
import type { Line } from './line.ts';

/** Sums of lines, while they are added. */
type Adding = { payments: number; gross_fen: bigint; refunds: number; refunded_fen: bigint; fee_fen: bigint; net_fen: bigint };
const nothing = (): Adding => ({ payments: 0, gross_fen: 0n, refunds: 0, refunded_fen: 0n, fee_fen: 0n, net_fen: 0n });

/** A day of a channel account: what was paid less what was refunded, and that less fees by the price. */
type Day = { amount_fen: bigint; net_fen: bigint };

/** What was added so far: as a whole, by channel account and method, and by channel account and day. */
export type Tally = { readonly all: Adding; readonly groups: Map<string, Adding>; readonly days: Map<string, Day> };
export const newTally = (): Tally => ({ all: nothing(), groups: new Map(), days: new Map() });

/** Adds a line. It changes what it is given: of a million lines only the sums are kept. */
export function tally(into: Tally, line: Line): void {
  const { channel, method, channel_account_id, biz_date } = line.row;
  const group = `${channel}/${method}/${channel_account_id}`;
  const sums = into.groups.get(group) ?? nothing();
  into.groups.set(group, sums);
  for (const each of [into.all, sums]) add(each, line);
  const day = `${biz_date}/${channel_account_id}`;
  const { amount_fen, net_fen } = into.days.get(day) ?? { amount_fen: 0n, net_fen: 0n };
  into.days.set(day, { amount_fen: amount_fen + line.amount_fen, net_fen: net_fen + line.net_fen });
}

function add(sums: Adding, { of, row, amount_fen, fee_fen, net_fen }: Line): void {
  const count = row.kind === 'reversal' ? -1 : 1;
  if (of === 'payment') {
    sums.payments += count;
    sums.gross_fen += amount_fen;
  } else {
    sums.refunds += count;
    sums.refunded_fen -= amount_fen;
  }
  sums.fee_fen += fee_fen;
  sums.net_fen += net_fen;
}

/** What a channel keeps of its days, as far as that is known: by its bill of the day, or by the rate that was agreed on. */
export type ChannelFees = {
  /** By day and channel account, in thousandths of a fen. */
  readonly billed: ReadonlyMap<string, bigint>;
  /** By channel account, in millionths. */
  readonly rates: ReadonlyMap<string, number>;
};

/** What the channel is expected to pay for a day: less its own fee, whatever the merchant's price is. */
function expectedOf(key: string, channel_account_id: string, amount_fen: bigint, { billed, rates }: ChannelFees) {
  const fee = billed.get(key);
  if (fee !== undefined) return { expected_fen: fenToNumber((amount_fen - roundMillifen(fee)) as Fen), channel_fee: 'bill' as const };
  const rate = rates.get(channel_account_id);
  if (rate === undefined) return { expected_fen: null, channel_fee: null };
  return { expected_fen: fenToNumber((amount_fen - roundMillifen((amount_fen * BigInt(rate)) / 1_000n)) as Fen), channel_fee: 'rate' as const };
}

/** The totals as they are shown, with the day on which each channel is expected to pay, and how much. */
export function totalsOf(
  sums: Tally,
  fees: ChannelFees,
  arrivalOf: (biz_date: string, channel_account_id: string) => Pick<Arrival, 'date' | 'confirmed'>,
): StatementTotals {
  const arrivals = [...sums.days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { amount_fen, net_fen }]) => {
      const [biz_date = '', channel_account_id = ''] = key.split('/');
      const { date, confirmed } = arrivalOf(biz_date, channel_account_id);
      return {
        biz_date,
        channel_account_id,
        net_fen: fenToNumber(net_fen as Fen),
        ...expectedOf(key, channel_account_id, amount_fen, fees),
        expected_on: date,
        confirmed,
      };
    });
  return { ...sumsOf(sums), by_method: groupsOf(sums), arrivals };
}

/** Sums as they are shown. */
export type Sums = Omit<StatementTotals, 'by_method' | 'arrivals' | 'later'>;

/** Of all lines. */
export const sumsOf = ({ all }: Tally): Sums => shown(all);

/** By channel, method and channel account. */
export const groupsOf = ({ groups }: Tally): StatementGroup[] =>
  [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sums]): StatementGroup => {
      const [channel = '', method = '', channel_account_id = ''] = key.split('/');
      return { channel, method, channel_account_id, ...shown(sums) };
    });

const shown = ({ payments, gross_fen, refunds, refunded_fen, fee_fen, net_fen }: Adding): Sums => ({
  payments,
  gross_fen: fenToNumber(gross_fen as Fen),
  refunds,
  refunded_fen: fenToNumber(refunded_fen as Fen),
  fee_fen: fenToNumber(fee_fen as Fen),
  net_fen: fenToNumber(net_fen as Fen),
});
