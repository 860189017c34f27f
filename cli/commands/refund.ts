import type { Refund } from '@heliu/sdk';
import type { Command } from 'commander';
import { type ApiOptions, apiClient, type Cli, callOptions, given, show, withApiOptions } from '../cli.ts';
import { record, yuan } from '../output.ts';
import { type AmountOptions, amountOf, withAmount } from './amount.ts';

type RefundOptions = ApiOptions & AmountOptions & { readonly refundNo: string; readonly attempt?: string; readonly reason?: string };

/** `refund`. The merchant's refund number is asked for and never made up: a second run must not be a second refund. */
export function addRefundCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const refund = withAmount(program.command('refund <payment-id>').description(say('refund a payment, whole or in part', '退款（全额或部分）')), cli)
    .requiredOption('--refund-no <no>', say("the merchant's refund number: the same number is the same refund", '商户退款单号：同一号码即同一退款'))
    .option('--attempt <id>', say('a duplicate or late attempt that was not given back: goes back whole', '未自动退回的重复或迟到支付尝试，须全额'))
    .option('--reason <text>', say('shown to the payer where the channel does so', '退款原因'))
    .option('--idempotency-key <key>', say('to repeat a call whose outcome is not known', '用于重试结果未知的调用'));
  withApiOptions(refund, cli).action((payment_id: string, options: RefundOptions) => createRefund(cli, payment_id, options));
}

async function createRefund(cli: Cli, payment_id: string, options: RefundOptions): Promise<void> {
  const body = {
    payment_id,
    merchant_refund_no: options.refundNo,
    amount_fen: amountOf(cli, options),
    ...given({ attempt_id: options.attempt, reason: options.reason }),
  };
  const heliu = await apiClient(cli, options);
  const refund = await heliu.refunds.create(body, callOptions(options));
  show(cli, refund, () => record(summary(refund)));
}

const summary = (refund: Refund) => ({
  id: refund.id,
  payment_id: refund.payment_id,
  merchant_refund_no: refund.merchant_refund_no,
  amount: yuan(refund.amount_fen),
  state: refund.state,
  refusal: refund.refusal ?? undefined,
  refunded_at: refund.refunded_at ?? undefined,
});
