import type { Ctx } from '../platform/ctx.ts';

/** The node's services, with a word to its sweeper that a delivery just became due. */
export type WebhooksCtx = Ctx & { readonly nudge: (due: 'deliveries') => void };
