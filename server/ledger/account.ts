/**
 * The closed list of accounts. All of them only remember: money goes from the channel to the merchant and never through
 * Heliu, so there is no balance that anyone could draw from and none in which money of several merchants lies together.
 * A new kind needs a migration, and a test that says so.
 */
export const accounts = {
  /** What the channel took from payers and has not settled: rises by payments, falls by refunds, its fee and its settlements. */
  channel_receivable: { en: 'Receivable from the channel', zh: '应收渠道', side: 'debit', of: 'channel_account' },
  /** What the merchant is to get for it, from the channel, after what it pays for the service. */
  merchant_due: { en: 'Due to the merchant, settled by the channel', zh: '应结商户', side: 'credit', of: 'channel_account' },
  /** What the channel kept for itself. */
  channel_fee: { en: 'Channel fee', zh: '渠道手续费', side: 'debit', of: 'channel_account' },
  /** What the merchant pays by its price. Less the channel's fee, this is the margin. */
  service_fee: { en: 'Service fee', zh: '服务费', side: 'credit', of: 'channel_account' },
  agent_commission: { en: 'Commission of an agent', zh: '代理佣金', side: 'credit', of: 'agent' },
  /** Left the merchant's side and not yet the channel's. */
  refund_in_transit: { en: 'Refunds in transit', zh: '退款在途', side: 'credit', of: 'channel_account' },
  /** Money whose place is not known: second and late payments until they go back, differences until they are explained. */
  suspense: { en: 'Suspense', zh: '挂账', side: 'credit', of: 'channel_account' },
} as const satisfies Record<string, AccountKind>;

type AccountKind = {
  readonly en: string;
  readonly zh: string;
  /** The side on which its balance usually is. */
  readonly side: 'debit' | 'credit';
  /** What tells accounts of one kind apart. */
  readonly of: 'channel_account' | 'agent';
};
export type Account = keyof typeof accounts;
export const account_names = Object.keys(accounts) as Account[];
