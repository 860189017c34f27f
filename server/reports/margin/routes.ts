import { listMargins } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import type { Ctx } from '../../platform/ctx.ts';
import { bindOperation } from '../../platform/http/bind.ts';
import { readMargins } from './service.ts';

/** What a merchant's own channel accounts left. */
export function bindMargins(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, listMargins, async ({ caller: { merchant_id, livemode }, query: { from, through } }) => {
    const rows = await readMargins(ctx, { merchant_id, livemode, from, through });
    const data = rows.map(({ channel, channel_account_id, service_fee_fen, channel_fee_fen, margin_fen, complete }) => ({
      object: 'margin' as const,
      livemode,
      channel,
      channel_account_id,
      service_fee_fen: Number(service_fee_fen),
      channel_fee_fen: Number(channel_fee_fen),
      margin_fen: Number(margin_fen),
      complete,
    }));
    return { data };
  });
}
