import { RefusalError, refuse } from '@heliu/server/kernel/refusal.ts';
import { findAccountById } from '@heliu/server/merchants/service.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
import type { CloseStatement } from '@heliu/server/recon/closes/close.ts';
import { closeMerchantDay, listMerchantCloses } from '@heliu/server/recon/closes/service.ts';
import type { DayStatement } from '@heliu/server/recon/days/equation.ts';
import { closeDay } from '@heliu/server/recon/days/service.ts';
import { isSigned } from '@heliu/server/recon/signing/service.ts';
import { type Cli, show, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { findMerchant } from './merchant.ts';

export type CloseOptions = {
  readonly account?: string;
  readonly merchant?: string;
  readonly live?: boolean;
  readonly biz_date: string;
  readonly by: string;
};

/** `recon close`: the day of one channel account, or of a whole merchant. */
export function close(cli: Cli, { account, merchant, live, biz_date, by }: CloseOptions): Promise<void> {
  if ((account === undefined) === (merchant === undefined))
    throw new UsageError(cli.say('give either --account or --merchant', '请给出 --account 或 --merchant 之一'));
  if (account !== undefined && live)
    throw new UsageError(cli.say('--live goes with --merchant: an account is of one mode', '--live 只用于 --merchant：渠道账户只属于一种环境'));
  return withNode(cli, async (ctx) => {
    if (account !== undefined) return closeAccount(cli, ctx, account, biz_date, by);
    const { id: merchant_id } = await findMerchant(ctx, merchant as string);
    const closed = await closeMerchantDay(ctx, { merchant_id, livemode: live === true, biz_date }, by);
    const { statement } = closed;
    const value = withSignature(closed);
    show(cli, value, () => `${record({ ...merchantRow(statement), ...signatureRow(value) })}\n${table(accountRows(statement))}`);
  });
}

async function closeAccount(cli: Cli, ctx: Ctx, id: string, biz_date: string, by: string): Promise<void> {
  const account = await findAccountById(ctx, id);
  if (!account) throw new RefusalError(refuse('channel_account_not_found', '--account'));
  const closed = await closeDay(ctx, { merchant_id: account.merchant_id, channel_account_id: id, biz_date }, by);
  const { statement } = closed;
  const value = withSignature(closed);
  show(cli, value, () =>
    record({
      biz_date,
      payments: equation(statement.payments),
      refunds: equation(statement.refunds),
      fee: shown(statement.ledger.fee_fen),
      suspense: shown(statement.ledger.suspense_fen),
      exceptions: statement.exceptions,
      ...signatureRow(value),
    }),
  );
}

type Closed<Statement> = { readonly statement: Statement; readonly signature: Buffer; readonly public_key: string };

const withSignature = <Statement extends DayStatement | CloseStatement>(closed: Closed<Statement>) => ({
  ...closed.statement,
  signature: closed.signature.toString('base64'),
  public_key: closed.public_key,
  valid: isSigned(closed),
});

const signatureRow = ({ closed_by, closed_at, signature, valid }: { closed_by: string; closed_at: string; signature: string; valid: boolean }) => ({
  closed_by,
  closed_at,
  signature,
  valid,
});

const merchantRow = ({ biz_date, livemode, payments, refunds, ledger }: CloseStatement) => ({
  biz_date,
  mode: livemode ? 'live' : 'test',
  payments: `${equation(payments)}, ${shown(payments.accounts_fen)} (accounts)`,
  refunds: `${equation(refunds)}, ${shown(refunds.accounts_fen)} (accounts)`,
  fee: shown(ledger.fee_fen),
  suspense: shown(ledger.suspense_fen),
});

const accountRows = ({ accounts }: CloseStatement) =>
  accounts.map(({ channel_account_id, channel, payments, refunds, ledger, later, statement_sha256 }) => ({
    account: channel_account_id,
    channel,
    payments: shown(payments.ours_fen),
    refunds: shown(refunds.ours_fen),
    fee: shown(ledger.fee_fen),
    suspense: shown(ledger.suspense_fen),
    later: `${shown(later.payments_fen)} / ${shown(later.refunds_fen)}`,
    statement: statement_sha256.slice(0, 16),
  }));

const shown = (fen: string): string => yuan(Number(fen));

/** platform = ledger; what of it the bill has, and what exceptions stand for. */
function equation(side: Readonly<Record<'ours_fen' | 'ledger_fen' | 'bill_fen', string>>): string {
  return `${shown(side.ours_fen)} = ${shown(side.ledger_fen)} (ledger), ${shown(side.bill_fen)} (bill)`;
}

/** Which of these days of a merchant are closed as a whole. */
export async function closedDays(
  ctx: Ctx,
  merchant_id: string,
  days: readonly { readonly biz_date: string; readonly livemode: boolean }[],
): Promise<(day: { readonly biz_date: string; readonly livemode: boolean }) => boolean> {
  const names = days.map(({ biz_date }) => biz_date).toSorted();
  const closes = await listMerchantCloses(ctx, { merchant_id, from: names[0], to: names.at(-1), limit: 2 * days.length });
  const closed = new Set(closes.map(({ statement }) => `${statement.livemode} ${statement.biz_date}`));
  return ({ biz_date, livemode }) => closed.has(`${livemode} ${biz_date}`);
}
