import { formatYuan } from '../../kernel/money.ts';
import type { Said } from '../../payments/bills/service.ts';

/** What a channel answered about a payment or refund that is settled here, in words for the history of an exception. */
export function wordsOf({ asked, fact }: Said): string {
  const says = (...facts: readonly (string | undefined)[]) => [`${asked}: ${fact.is}`, ...facts.filter((each) => each !== undefined)].join(' · ');
  switch (fact.is) {
    case 'paid': {
      const { amount_fen, currency, paid_at, channel_transaction_id } = fact.success;
      return says(`${formatYuan(amount_fen)} ${currency}`, paid_at.toISOString(), channel_transaction_id);
    }
    case 'succeeded':
      return says(formatYuan(fact.amount_fen), fact.refunded_at?.toISOString(), fact.channel_refund_id);
    case 'refused':
      return says(fact.reason, fact.channel_code);
    case 'unknown':
      return says(fact.cause);
    default:
      return says();
  }
}
