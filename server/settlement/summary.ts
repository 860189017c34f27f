import type { StatementTotals } from '@heliu/contract';
import { type Fen, toFen } from '../kernel/money.ts';
import type { Layout, SheetTable } from './files/sheet.ts';
import { type Cell, type Column, columns, type Line } from './line.ts';
import type { Sums } from './totals.ts';

/** What a merchant's statement ends with. */
export type Ending = {
  readonly from: string;
  readonly through: string;
  readonly totals: StatementTotals;
  readonly provisional: boolean;
  readonly open_days: number;
};

export const textCell = (value: string): Cell => ({ text: value });
export const fenCell = (value: number): Cell => ({ fen: toFen(value) as Fen });

/** Sums as they stand in a table, under these heads. */
export const sum_heads = ['收款笔数 payments', '收款 gross', '退款笔数 refunds', '退款 refunded', '手续费 fee', '净额 net'];
export const sumCells = (of: Sums): Cell[] => [
  textCell(String(of.payments)),
  fenCell(of.gross_fen),
  textCell(String(of.refunds)),
  fenCell(of.refunded_fen),
  fenCell(of.fee_fen),
  fenCell(of.net_fen),
];

/** Stands in the heading of a statement of which more may come, and in each of its lines. */
export const provisional_column: Column<unknown> = { zh: '暂定', en: 'provisional', width: 18, cell: () => textCell('是 yes') };

/** Its table on the first sheet. */
export const provisionalTable = (provisional: boolean, open_days: number): readonly SheetTable[] =>
  provisional ? [{ head: ['暂定 Provisional', '未日结账单日 open days'], rows: [[textCell('是 yes'), textCell(String(open_days))]] }] : [];

/** A merchant's statement. */
export const layoutOf = (provisional: boolean): Layout<Line, Ending> => ({
  columns: provisional ? [...columns, provisional_column] : columns,
  widths: [24, 24, 36, 14, 16, 14, 16, 14, 16],
  summary: summaryOf,
});

/** The tables of the first sheet. */
function summaryOf({ from, through, totals, provisional, open_days }: Ending): SheetTable[] {
  const { later } = totals;
  return [
    {
      head: ['结算单 Statement', '起 from', '止 through', ...sum_heads],
      rows: [
        [textCell('合计 Total'), textCell(from), textCell(through), ...sumCells(totals)],
        ...(later ? [[textCell('更早日期后到 Of earlier days, later'), textCell(''), textCell(later.statement_id), ...sumCells(later)]] : []),
      ],
    },
    ...provisionalTable(provisional, open_days),
    {
      head: ['渠道 channel', '支付方式 method', '渠道账户 channel account', ...sum_heads],
      rows: totals.by_method.map((group) => [textCell(group.channel), textCell(group.method), textCell(group.channel_account_id), ...sumCells(group)]),
    },
    {
      head: [
        '记账日 day',
        '预计到账 expected on',
        '渠道账户 channel account',
        '净额 net',
        '日期已确认 confirmed',
        '预计金额 expected amount',
        '渠道手续费 channel fee',
      ],
      rows: totals.arrivals.map((arrival) => [
        textCell(arrival.biz_date),
        textCell(arrival.expected_on),
        textCell(arrival.channel_account_id),
        fenCell(arrival.net_fen),
        textCell(arrival.confirmed ? '是 yes' : '否 no'),
        arrival.expected_fen === null || arrival.expected_fen === undefined ? textCell('未知 unknown') : fenCell(arrival.expected_fen),
        textCell(arrival.channel_fee === 'bill' ? '按账单 bill' : arrival.channel_fee === 'rate' ? '约定费率 rate' : '未知 unknown'),
      ]),
    },
  ];
}
