import {
  type answerHelpRequest as answerOperation,
  type closeHelpRequest as closeOperation,
  type HelpKind,
  type HelpRequest as HelpRequestView,
  type Refund,
  refundHelpRequest as refundOperation,
} from '@heliu/contract';
import { canonicalJson, sha256 } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { account_update_turns_max, help_requests_per_payment_max, receipt_link_ms } from '../../kernel/limits.ts';
import { orThrow, RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import type { Aggregate } from '../../payments/change.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import { createRefund } from '../../payments/refunds/service.ts';
import { ownPayment } from '../../payments/service.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent } from '../../platform/idempotency/idempotency.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import { type HelpRequest, help_table, type Said, stateAfter, viewHelpRequest } from './request.ts';
import * as store from './store.ts';

type With<C> = Omit<C, 'ctx'> & { readonly ctx: PaymentsCtx };
type Owner = Pick<Caller, 'merchant_id' | 'livemode'>;

/** What a receipt's link stands for; sealed, so that it is its own permission and nothing has to be stored. */
type Sealed = Owner & { readonly payment_id: string; readonly until: number };
const link_place = { table: 'payments', column: 'receipt_link', merchant_id: '', row: '' };

/** The receipt of a payment, for whoever has the link. */
export function receiptLink(ctx: Ctx, { merchant_id, livemode, id: payment_id }: Pick<Payment, 'merchant_id' | 'livemode' | 'id'>) {
  const expires_at = addMs(ctx.clock.now(), receipt_link_ms);
  const sealed: Sealed = { merchant_id, livemode, payment_id, until: expires_at.getTime() };
  const token = ctx.vault.seal(JSON.stringify(sealed), link_place).toString('base64url');
  return { url: `${ctx.config.public_url}/c/receipt?t=${token}`, expires_at: expires_at.toISOString() };
}

export const linkReceipt = async (ctx: PaymentsCtx, caller: Caller, payment_id: string) =>
  receiptLink(ctx, (await ownPayment(ctx, caller, payment_id)).payment);

export type Receipt = { readonly aggregate: Aggregate; readonly requests: readonly HelpRequestView[] };

/** What a link opens; undefined for one that was changed, made up or is over. */
export async function openReceipt(ctx: PaymentsCtx, token: string): Promise<Receipt | undefined> {
  const link = readLink(ctx, token);
  if (!link || link.until <= ctx.clock.now().getTime()) return undefined;
  const { merchant_id, livemode, payment_id } = link;
  const aggregate = await ownPayment(ctx, { merchant_id, livemode, api_key_id: '', scopes: [] }, payment_id);
  const rows = await store.listRequests(ctx, { merchant_id, livemode, payment_id, limit: help_requests_per_payment_max });
  return { aggregate, requests: rows.map((row) => viewHelpRequest(row, openSaid(ctx, row))) };
}

function readLink(ctx: Ctx, token: string): Sealed | undefined {
  try {
    return JSON.parse(ctx.vault.open(Buffer.from(token, 'base64url'), link_place)) as Sealed;
  } catch {
    return undefined;
  }
}

/** A payer asks. False while an earlier question waits for its answer, or after too many of them. */
export async function askForHelp(
  ctx: PaymentsCtx,
  { merchant_id, livemode, id: payment_id }: Payment,
  { kind, message, contact }: { readonly kind: HelpKind; readonly message: string; readonly contact: string | null },
): Promise<boolean> {
  const now = ctx.clock.now();
  const id = newId('help_request', now, ctx.rng);
  const said_sealed = sealSaid(ctx, { merchant_id, id }, { message, contact, answer: null });
  const times = { created_at: now, updated_at: now, version: 1 };
  const request: HelpRequest = { merchant_id, id, livemode, payment_id, kind, state: help_table.initial, said_sealed, refund_id: null, ...times };
  // Events are kept for long and sent about: the payer's own words are asked for with a key.
  const data = { ...viewHelpRequest(request, { message: '', contact: null, answer: null }), message: null };
  const event = buildEvent({ id: newId('event', now, ctx.rng), type: 'help_request.opened', livemode, created_at: now, data });
  const asked = await store.insertRequest(ctx, request, [event], help_requests_per_payment_max);
  if (asked) ctx.nudge('deliveries');
  return asked;
}

export async function listHelp(
  ctx: Ctx,
  { merchant_id, livemode }: Caller,
  filter: Omit<store.HelpFilter, 'merchant_id' | 'livemode'>,
): Promise<HelpRequestView[]> {
  const rows = await store.listRequests(ctx, { ...filter, merchant_id, livemode });
  return rows.map((row) => viewHelpRequest(row, openSaid(ctx, row)));
}

export async function retrieveHelp(ctx: Ctx, caller: Caller, id: string): Promise<HelpRequestView> {
  const row = await ownRequest(ctx, caller, id);
  return viewHelpRequest(row, openSaid(ctx, row));
}

export const answerHelp = (call: Call<typeof answerOperation>): Promise<FrozenReply> =>
  step(call, 'answer_help_request', 'answer', { answer: call.body.answer });

export const closeHelp = (call: Call<typeof closeOperation>): Promise<FrozenReply> => step(call, 'close_help_request', 'close', {});

/** Refunds what a payer asked about, once: the refund's number comes from the request, so that no retry and no second person doubles it. */
export function refundHelp(call: With<Call<typeof refundOperation>>): Promise<FrozenReply> {
  const { ctx, caller, params, body } = call;
  const id = params.help_request_id;
  return idempotent(call, refundOperation.id, id, async () => {
    const request = await ownRequest(ctx, caller, id);
    // One that was refunded is asked again: the same amount finds its refund, another one is refused.
    if (request.state !== 'refunded') orThrow(stateAfter(request, 'refund'));
    const refund = await createRefund({
      ctx,
      caller,
      request_hash: sha256(canonicalJson(['help_refund', id, body.amount_fen])),
      body: {
        payment_id: request.payment_id,
        merchant_refund_no: `help-${id.slice(4)}`,
        amount_fen: body.amount_fen,
        metadata: { help_request_id: id },
      },
    });
    const { id: refund_id } = JSON.parse(refund.frozen.body) as Refund;
    return { status: refundOperation.status, body: await change(ctx, caller, id, 'refund', { refund_id }) };
  });
}

type Changes = { readonly answer?: string; readonly refund_id?: string };

function step(
  call: Pick<Call<typeof closeOperation>, 'ctx' | 'caller' | 'params' | 'request_hash' | 'idempotency_key'>,
  operation: string,
  name: 'answer' | 'close',
  changes: Changes,
) {
  const { ctx, caller, params } = call;
  return idempotent(call, operation, params.help_request_id, async () => ({
    status: 200,
    body: await change(ctx, caller, params.help_request_id, name, changes),
  }));
}

/** Reads, decides and writes; whoever lost a race decides again. */
async function change(ctx: Ctx, caller: Owner, id: string, name: 'answer' | 'refund' | 'close', { answer, refund_id }: Changes): Promise<HelpRequestView> {
  for (let turn = 0; turn < account_update_turns_max; turn++) {
    const request = await ownRequest(ctx, caller, id);
    const said = openSaid(ctx, request);
    if (refund_id !== undefined && request.refund_id === refund_id) return viewHelpRequest(request, said);
    const state = orThrow(stateAfter(request, name));
    const fresh: Said = answer === undefined ? said : { ...said, answer };
    const next: HelpRequest = {
      ...request,
      state,
      said_sealed: sealSaid(ctx, request, fresh),
      refund_id: refund_id ?? null,
      updated_at: ctx.clock.now(),
      version: request.version + 1,
    };
    if (await store.writeRequest(ctx, next)) return viewHelpRequest(next, fresh);
  }
  throw new Error(`help request ${id} was changed by others all the time`);
}

async function ownRequest(ctx: Ctx, { merchant_id, livemode }: Owner, id: string): Promise<HelpRequest> {
  const request = await store.findRequest(ctx, { merchant_id, livemode, id });
  if (!request) throw new RefusalError(refuse('help_request_not_found', 'help_request_id'));
  return request;
}

const placeOf = ({ merchant_id, id }: Pick<HelpRequest, 'merchant_id' | 'id'>) => ({ table: 'help_requests', column: 'said_sealed', merchant_id, row: id });
const sealSaid = (ctx: Ctx, key: Pick<HelpRequest, 'merchant_id' | 'id'>, said: Said): Buffer => ctx.vault.seal(JSON.stringify(said), placeOf(key));
const openSaid = (ctx: Ctx, request: HelpRequest): Said => JSON.parse(ctx.vault.open(request.said_sealed, placeOf(request))) as Said;
