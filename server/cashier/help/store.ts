import type { HelpState } from '@heliu/contract';
import type { Ctx } from '../../platform/ctx.ts';
import { type OutboxEvent, outboxParts } from '../../platform/outbox/outbox.ts';
import type { HelpRequest } from './request.ts';

/** Table: help_requests. */

const columns = ['merchant_id', 'id', 'livemode', 'payment_id', 'kind', 'state', 'said_sealed', 'refund_id', 'created_at', 'updated_at', 'version'] as const;

/** Writes a request with the event that tells of it. False: another one waits for its answer, or there were too many. */
export async function insertRequest(ctx: Ctx, request: HelpRequest, events: readonly OutboxEvent[], requests_max: number): Promise<boolean> {
  const { merchant_id, id, livemode, payment_id, kind, state, said_sealed, created_at } = request;
  const values: unknown[] = [merchant_id, id, livemode, payment_id, kind, state, said_sealed, created_at, requests_max];
  const told = outboxParts({ events }, (value) => `$${values.push(value)}`, 'hr').map(([name, text]) => `${name} as (${text})`);
  const text = `with hr as (
      insert into help_requests (merchant_id, id, livemode, payment_id, kind, state, said_sealed, created_at, updated_at, version)
      select $1, $2, $3, $4, $5, $6, $7, $8, $8, 1
      where (select count(*) from help_requests where merchant_id = $1 and payment_id = $4) < $9
      on conflict (merchant_id, payment_id) where state = 'opened' do nothing returning id
    ), ${told.join(', ')}
    select id from hr`;
  return (await ctx.db.run({ name: `help_requests_insert_${values.length}`, text }, values)).length === 1;
}

type Key = Pick<HelpRequest, 'merchant_id' | 'livemode' | 'id'>;

export async function findRequest(ctx: Ctx, { merchant_id, livemode, id }: Key): Promise<HelpRequest | undefined> {
  const query = ctx.db.kysely.selectFrom('help_requests').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  return (await query.where('id', '=', id).executeTakeFirst()) as HelpRequest | undefined;
}

export type HelpFilter = Omit<Key, 'id'> & {
  readonly payment_id?: string | undefined;
  readonly state?: HelpState | undefined;
  readonly before_id?: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listRequests(ctx: Ctx, { merchant_id, livemode, payment_id, state, before_id, limit }: HelpFilter): Promise<HelpRequest[]> {
  let query = ctx.db.kysely.selectFrom('help_requests').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (payment_id !== undefined) query = query.where('payment_id', '=', payment_id);
  if (state !== undefined) query = query.where('state', '=', state);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as HelpRequest[];
}

/** Writes a request over the version before; false when another change came first. */
export async function writeRequest(ctx: Ctx, { merchant_id, id, state, said_sealed, refund_id, updated_at, version }: HelpRequest): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db.kysely
    .updateTable('help_requests')
    .set({ state, said_sealed, refund_id, updated_at, version })
    .where('merchant_id', '=', merchant_id)
    .where('id', '=', id)
    .where('version', '=', version - 1)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
