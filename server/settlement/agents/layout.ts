import type { StatementGroup } from '@heliu/contract';
import { type Fen, fenToNumber } from '../../kernel/money.ts';
import type { Agent, AgentMerchant } from '../../merchants/agents/service.ts';
import type { Layout, SheetTable } from '../files/sheet.ts';
import { type Cell, type Column, columns, type Line } from '../line.ts';
import type { Period } from '../period.ts';
import { provisional_column, provisionalTable, sum_heads, sumCells, textCell } from '../summary.ts';
import type { Sums } from '../totals.ts';

/** A line of one of an agent's merchants. */
export type AgentLine = { readonly merchant: AgentMerchant; readonly line: Line };

/** What a merchant's book brought, up to this number of it. */
export type MerchantTotals = {
  readonly merchant: AgentMerchant;
  readonly up_to_no: bigint;
  /** Days of it that were not closed in reconciliation. */
  readonly open_days: number;
  readonly lines: bigint;
  readonly sums: Sums;
  readonly groups: readonly StatementGroup[];
};

/** What an agent's statement ends with. */
export type AgentEnding = {
  readonly agent: Agent;
  readonly period: Period;
  readonly merchants: readonly MerchantTotals[];
  readonly totals: Sums;
  readonly provisional: boolean;
};

/** The columns that say whose a line or a sum is. A merchant has no history of agents, so the head says of when its agent is. */
const of_merchant: readonly Column<AgentMerchant>[] = [
  { zh: '商户', en: 'merchant_id', width: 32, cell: ({ id }) => textCell(id) },
  { zh: '商户名称', en: 'merchant_name', width: 28, cell: ({ name }) => textCell(name) },
  { zh: '生成时所属代理商', en: 'agent_id_when_made', width: 32, cell: ({ agent_id }) => textCell(agent_id) },
  { zh: '代理商名称', en: 'agent_name', width: 28, cell: ({ agent_name }) => textCell(agent_name) },
];

/** A statement's lines as they stand in an agent's, behind whose they are. */
export const agentLayout = (provisional: boolean): Layout<AgentLine, AgentEnding> => ({
  columns: [
    ...of_merchant.map((column): Column<AgentLine> => ({ ...column, cell: ({ merchant }) => column.cell(merchant) })),
    ...columns.map((column): Column<AgentLine> => ({ ...column, cell: ({ line }) => column.cell(line) })),
    ...(provisional ? [provisional_column] : []),
  ],
  summary: summaryOf,
  widths: [32, 28, 32, 28, 14, 18, 32, 14, 16, 14, 16, 14, 16],
});

/** A row of the table of totals: a merchant with one channel, method and channel account, or with none of them. */
export type TotalsRow = { readonly merchant: AgentMerchant; readonly group: StatementGroup };

/** The table of totals as a file of its own: each of its rows stands for other money, so a column may be added up. */
export const totalsColumns = (provisional: boolean): readonly Column<TotalsRow>[] => [...totals_columns, ...(provisional ? [provisional_column] : [])];

const totals_columns: readonly Column<TotalsRow>[] = [
  ...of_merchant.map((column): Column<TotalsRow> => ({ ...column, cell: ({ merchant }) => column.cell(merchant) })),
  { zh: '渠道', en: 'channel', width: 14, cell: ({ group }) => textCell(group.channel) },
  { zh: '支付方式', en: 'method', width: 18, cell: ({ group }) => textCell(group.method) },
  { zh: '渠道账户', en: 'channel_account_id', width: 32, cell: ({ group }) => textCell(group.channel_account_id) },
  ...sum_heads.map((head, at): Column<TotalsRow> => {
    const [zh = '', en = ''] = head.split(' ');
    return { zh, en, width: 14, cell: ({ group }) => sumCells(group)[at] as Cell };
  }),
];

/** A merchant without a line has a row too: who reads it sees that it was counted. */
export const totalsRows = (merchants: readonly MerchantTotals[]): readonly TotalsRow[] =>
  merchants.flatMap(({ merchant, groups, sums }) =>
    groups.length === 0 ? [{ merchant, group: { channel: '', method: '', channel_account_id: '', ...sums } }] : groups.map((group) => ({ merchant, group })),
  );

/** The sums of all merchants. */
export function addUp(merchants: readonly MerchantTotals[]): Sums {
  const total = (name: keyof Sums): number => fenToNumber(merchants.reduce((sum, { sums }) => sum + BigInt(sums[name]), 0n) as Fen);
  return {
    payments: total('payments'),
    gross_fen: total('gross_fen'),
    refunds: total('refunds'),
    refunded_fen: total('refunded_fen'),
    fee_fen: total('fee_fen'),
    net_fen: total('net_fen'),
  };
}

/** The tables of the first sheet. */
function summaryOf({ agent, period, merchants, totals, provisional }: AgentEnding): SheetTable[] {
  const whose = of_merchant.map(({ zh, en }) => `${zh} ${en}`);
  const cellsOf = (merchant: AgentMerchant): Cell[] => of_merchant.map(({ cell }) => cell(merchant));
  return [
    {
      head: ['代理商结算单 Agent statement', '代理商名称 agent_name', '起 from', '止 through', '商户数 merchants', ...sum_heads],
      rows: [[agent.id, agent.name, period.from, period.through, String(merchants.length)].map(textCell).concat(sumCells(totals))],
    },
    ...provisionalTable(
      provisional,
      merchants.reduce((sum, { open_days }) => sum + open_days, 0),
    ),
    { head: [belonging.zh], rows: [[textCell(belonging.en)]] },
    {
      head: [...whose, '账本至凭证号 up_to_no', '未日结账单日 open days', '明细数 lines', ...sum_heads],
      rows: merchants.map(({ merchant, up_to_no, open_days, lines, sums }) => [
        ...cellsOf(merchant),
        textCell(String(up_to_no)),
        textCell(String(open_days)),
        textCell(String(lines)),
        ...sumCells(sums),
      ]),
    },
    {
      head: totals_columns.map(({ zh, en }) => `${zh} ${en}`),
      rows: totalsRows(merchants).map((row) => totals_columns.map(({ cell }) => cell(row))),
    },
  ];
}

/** Which merchants an agent's statement is about. */
const belonging = {
  zh: '归属：含生成本结算单时属于该代理商及其全部下级的商户，期内改划的商户整期计入其当时所属的代理商。',
  en: 'Whose: merchants that belonged to this agent or one below it when the statement was made; one that moved within the period counts whole for whom it belonged to then.',
};
