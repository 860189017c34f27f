import type { EventType } from '@heliu/contract';
import type { Kysely } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';

export type EndpointRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly url: string;
  readonly description: string | null;
  readonly event_types: EventType[];
  readonly state: 'enabled' | 'disabled';
  readonly disabled_reason: string | null;
  readonly created_at: Date;
};

/** Names an endpoint of a caller: another mode's endpoint is as absent as another merchant's. */
export type EndpointKey = { readonly merchant_id: string; readonly livemode: boolean; readonly id: string };

const columns = ['merchant_id', 'id', 'livemode', 'url', 'description', 'event_types', 'state', 'disabled_reason', 'created_at'] as const;

export async function findEndpoint(ctx: Ctx, { merchant_id, livemode, id }: EndpointKey): Promise<EndpointRow | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('webhook_endpoints')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .executeTakeFirst();
  return row as EndpointRow | undefined;
}

export type ListEndpointsInput = Omit<EndpointKey, 'id'> & { readonly before_id: string | undefined; readonly limit: number };

/** Newest first. */
export async function listEndpoints(ctx: Ctx, { merchant_id, livemode, before_id, limit }: ListEndpointsInput): Promise<EndpointRow[]> {
  let query = ctx.db.kysely.selectFrom('webhook_endpoints').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as EndpointRow[];
}

/** Counts a merchant's endpoints and holds the number until the transaction ends. */
export async function countEndpointsLocked(tx: Kysely<Tables>, merchant_id: string, livemode: boolean): Promise<number> {
  await tx.selectFrom('merchants').select('id').where('id', '=', merchant_id).forUpdate().execute();
  const { amount } = await tx
    .selectFrom('webhook_endpoints')
    .select((by) => by.fn.countAll<bigint>().as('amount'))
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .executeTakeFirstOrThrow();
  return Number(amount);
}

export type NewEndpoint = EndpointKey & {
  readonly url: string;
  readonly description: string | null;
  readonly event_types: EventType[];
  readonly secret_sealed: Buffer;
  readonly created_at: Date;
};

export async function insertEndpoint(tx: Kysely<Tables>, endpoint: NewEndpoint): Promise<EndpointRow> {
  return (await tx.insertInto('webhook_endpoints').values(endpoint).returning(columns).executeTakeFirstOrThrow()) as EndpointRow;
}

/** The sealed secret of an endpoint, which nobody else may rotate until the transaction ends. */
export async function lockSecret(tx: Kysely<Tables>, { merchant_id, livemode, id }: EndpointKey): Promise<Buffer | undefined> {
  const row = await tx
    .selectFrom('webhook_endpoints')
    .select('secret_sealed')
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row?.secret_sealed;
}

export type RotatedSecret = {
  readonly secret_sealed: Buffer;
  readonly previous_secret_sealed: Buffer | null;
  readonly previous_until: Date | null;
};

export async function replaceSecret(
  tx: Kysely<Tables>,
  { merchant_id, id }: Pick<EndpointKey, 'merchant_id' | 'id'>,
  secrets: RotatedSecret,
): Promise<EndpointRow> {
  return (await tx
    .updateTable('webhook_endpoints')
    .set((by) => ({ ...secrets, version: by('version', '+', 1) }))
    .where('merchant_id', '=', merchant_id)
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow()) as EndpointRow;
}

/** What waits for an endpoint is cancelled in the statement that disables it; the first reason stays. */
const disable_statement = {
  name: 'webhook_endpoints_disable',
  text: `with disabled as (
      update webhook_endpoints set state = 'disabled', disabled_reason = coalesce(disabled_reason, $3), version = version + 1
      where merchant_id = $1 and id = $2
      returning id
    )
    update deliveries d set state = 'cancelled', next_send_at = null from disabled
    where d.merchant_id = $1 and d.webhook_endpoint_id = disabled.id and d.state = 'pending'`,
};

export async function disableEndpoint(ctx: Ctx, { merchant_id, id, reason }: { merchant_id: string; id: string; reason: 'merchant' | 'gone' }): Promise<void> {
  await ctx.db.run(disable_statement, [merchant_id, id, reason]);
}

export async function enableEndpoint(ctx: Ctx, { merchant_id, livemode, id }: EndpointKey): Promise<EndpointRow | undefined> {
  const row = await ctx.db.kysely
    .updateTable('webhook_endpoints')
    .set((by) => ({ state: 'enabled', disabled_reason: null, version: by('version', '+', 1) }))
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst();
  return row as EndpointRow | undefined;
}
