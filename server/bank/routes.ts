import { type BankCredit, listBankCredits } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { fenToNumber } from '../kernel/money.ts';
import { orThrow } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import { listCredits } from './service.ts';
import type { ListedCredit } from './store.ts';

/** What a merchant's developer sees of bank credits. Taking in statements is the operator's. */
export function bindBank(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, listBankCredits, async ({ caller, query: { cursor, limit = page_limit, ...filters } }) => {
    const page: CursorScope = { list: listBankCredits.id, caller, filters };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(page, cursor));
    const { merchant_id, livemode } = caller;
    const found = await listCredits(ctx, { ...filters, merchant_id, livemode, before_id, limit: limit + 1 });
    const { rows, next_cursor } = pageOf(page, limit, found, ({ id }) => id);
    return { data: rows.map(viewCredit), next_cursor };
  });
}

const viewCredit = (row: ListedCredit): BankCredit => ({
  object: 'bank_credit',
  id: row.id,
  livemode: row.livemode,
  channel: row.channel,
  channel_account_id: row.channel_account_id,
  reference: row.reference,
  received_on: row.received_on,
  amount_fen: fenToNumber(row.amount_fen),
  payer: row.payer,
  settles: [...row.days],
  created_at: row.created_at.toISOString(),
});
