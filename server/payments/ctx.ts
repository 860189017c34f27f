import type { ChannelClient } from '../channels/client.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Courier } from '../platform/outbox/outbox.ts';

/** The node's services with the way to the channels. */
export type PaymentsCtx = Ctx & {
  readonly channels: ChannelClient;
  /** Tells the sweepers of this node that rows of this kind just became due; the rows themselves are in the database. */
  readonly nudge: (due: 'deliveries' | 'attempts' | 'refunds') => void;
  /** Takes the deliveries of what is told, where this node sends. */
  readonly courier: Courier;
};
