import type { RefusalReason } from '@heliu/contract';
import type { PayFact } from '../../channels/define.ts';

/**
 * Refusals that say something of the account and nothing of the payer: the same payment may be taken by another account.
 * A channel that refuses a payer has done its work.
 */
const of_account: ReadonlySet<RefusalReason> = new Set(['method_not_enabled', 'merchant_restricted', 'configuration_error', 'currency_not_supported']);

/** A verified refusal that leaves the payment to another account. */
export const isAccountsRefusal = (fact: { readonly is: string; readonly reason?: RefusalReason }): boolean =>
  fact.is === 'refused' && fact.reason !== undefined && of_account.has(fact.reason);

/** Whether the account failed: it did not carry out what it was asked, or nobody knows. */
export const isAccountsFault = (fact: PayFact): boolean => fact.is === 'unknown' || isAccountsRefusal(fact);
