import { recent_payments_max } from '../kernel/limits.ts';
import { perNode } from '../platform/cache.ts';
import type { Aggregate } from './change.ts';

/**
 * Pending payments as this node wrote them last, by attempt. The channel's word of success mostly comes to a payment that was
 * made a moment ago, and then nothing has to be read: what is decided on a memory that another node has overtaken fails at
 * the version of its statement, and is decided again on what is read.
 */
export type Recent = {
  readonly remember: (aggregate: Aggregate) => void;
  readonly find: (merchant_id: string, attempt_id: string) => Aggregate | undefined;
};

export const recentOf = perNode((): Recent => {
  const entries = new Map<string, Aggregate>();
  return {
    remember(aggregate) {
      const pending = aggregate.payment.state === 'pending';
      for (const { id } of aggregate.attempts) {
        entries.delete(id);
        if (pending) entries.set(id, aggregate);
      }
      // The first of the map is the one that was written the longest ago.
      for (const oldest of entries.keys()) {
        if (entries.size <= recent_payments_max) break;
        entries.delete(oldest);
      }
    },
    find(merchant_id, attempt_id) {
      const aggregate = entries.get(attempt_id);
      return aggregate?.payment.merchant_id === merchant_id ? aggregate : undefined;
    },
  };
});
