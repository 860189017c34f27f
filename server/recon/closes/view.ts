import type { DailyClose } from '@heliu/contract';
import { canonicalJson } from '../../kernel/digest.ts';
import type { CloseStatement } from './close.ts';

/** The closed day of a merchant, as its developer sees it. */
export function viewClose({ statement, signature, public_key, closed_at }: Closed): DailyClose {
  return {
    object: 'daily_close',
    livemode: statement.livemode,
    biz_date: statement.biz_date,
    payments: { ...sideOf(statement.payments), accounts_fen: Number(statement.payments.accounts_fen) },
    refunds: { ...sideOf(statement.refunds), accounts_fen: Number(statement.refunds.accounts_fen) },
    fee_fen: Number(statement.ledger.fee_fen),
    suspense_fen: Number(statement.ledger.suspense_fen),
    accounts: statement.accounts.map(({ channel_account_id, channel, statement_sha256, payments, refunds, ledger, later }) => ({
      channel_account_id,
      channel,
      statement_sha256,
      payments: sideOf(payments),
      refunds: sideOf(refunds),
      fee_fen: Number(ledger.fee_fen),
      suspense_fen: Number(ledger.suspense_fen),
      later: { payments_fen: Number(later.payments_fen), refunds_fen: Number(later.refunds_fen) },
    })),
    manifest: canonicalJson(statement),
    signature: signature.toString('base64'),
    public_key,
    closed_by: statement.closed_by,
    closed_at: closed_at.toISOString(),
  };
}

type Closed = { readonly statement: CloseStatement; readonly signature: Buffer; readonly public_key: string; readonly closed_at: Date };
type Amounts = { readonly ours_fen: string; readonly ledger_fen: string; readonly bill_fen: string };

const sideOf = ({ ours_fen, ledger_fen, bill_fen }: Amounts) => ({ ours_fen: Number(ours_fen), ledger_fen: Number(ledger_fen), bill_fen: Number(bill_fen) });
