import type { ExceptionKind } from '@heliu/contract';
import type { Exchange } from '../../channels/client.ts';
import { channels } from '../../channels/registry.ts';
import { sha256 } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { recon_batch_rows } from '../../kernel/limits.ts';
import { toFen } from '../../kernel/money.ts';
import { orThrow, RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { findAccountById } from '../../merchants/service.ts';
import { applyBilledPayment, applyBilledRefund, askAbout } from '../../payments/bills/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import { fetchBill } from '../bills/service.ts';
import type { Trx } from '../bills/store.ts';
import { matchDay } from '../matching/service.ts';
import { postSuspense, undoSuspense } from '../postings/service.ts';
import { ageing_ms, type Decision, hasApproved, kinds, type ReconException, type Step, samePerson, stepped } from './exception.ts';
import { system } from './open.ts';
import * as store from './store.ts';
import { viewException } from './view.ts';

/** Who does it, and why. */
export type Actor = { readonly by: string; readonly note: string | null };

export const listExceptions = (ctx: Ctx, filter: store.ExceptionFilter): Promise<readonly ReconException[]> => store.listExceptions(ctx, filter);
export const listSteps = (ctx: Ctx, merchant_id: string, id: string) => store.listSteps(ctx, merchant_id, id);

export async function getException(ctx: Ctx, merchant_id: string, id: string): Promise<ReconException> {
  const exception = await store.findException(ctx, merchant_id, id);
  if (!exception) throw new RefusalError(refuse('recon_exception_not_found', 'recon_exception_id'));
  return exception;
}

/** Takes one step, audited. The version guards it: of two persons at once, one is told that it moved on. */
async function take(ctx: PaymentsCtx, before: ReconException, step: Step, { by, note }: Actor, decision: Decision = 'repair'): Promise<ReconException> {
  const now = ctx.clock.now();
  const two_persons_from_fen = BigInt(ctx.config.recon_two_persons_from_fen);
  const after = { ...orThrow(stepped(before, step, { by, now, decision, two_persons_from_fen })), ...(by === system ? {} : { owner: by }) };
  const told = after.state === 'closed';
  const events = told
    ? [buildEvent({ id: newId('event', now, ctx.rng), type: 'recon_exception.closed', livemode: after.livemode, created_at: now, data: viewException(after) })]
    : [];
  const within = async (trx: Trx): Promise<void> => {
    if (step === 'suspend') await postSuspense(trx, ctx, after);
    if (step === 'reopen') await undoSuspense(trx, ctx, after);
  };
  const written = await store.writeStep(ctx, { after, step, from_state: before.state, by, note, now, events, within });
  if (!written) throw new RefusalError(refuse('recon_step_not_allowed', undefined, { state: 'changed' }));
  if (told) ctx.nudge('deliveries');
  return after;
}

/** Accepts the difference as it is: it stays in the day's equation, and nobody looks at it again. */
export async function acceptException(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  return take(ctx, await take(ctx, await approvedEnough(ctx, exception, actor, 'accept'), 'accept', actor), 'close', actor);
}

/** Writes the difference to suspense (挂账), in the ledger too. */
export async function suspendException(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  return take(ctx, await take(ctx, await approvedEnough(ctx, exception, actor, 'suspend'), 'suspend', actor), 'close', actor);
}

export const reopenException = (ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> => take(ctx, exception, 'reopen', actor);

/**
 * What carries money words needs as many persons as its amount says; the one who asks is the first of them. They agree on one
 * decision: whoever wants another one begins anew.
 */
async function approvedEnough(ctx: PaymentsCtx, exception: ReconException, actor: Actor, decision: Decision): Promise<ReconException> {
  if (samePerson(actor.by, system) || samePerson(actor.by, ''))
    throw new RefusalError(refuse('parameter_invalid', 'by', { expected: 'the name of a person', expected_zh: '须为操作人姓名' }));
  const is_other = exception.approvals.length > 0 && exception.decision !== decision;
  const begun = is_other ? await take(ctx, exception, 'withdraw', actor) : exception;
  const proposed = begun.state === 'opened' ? await take(ctx, begun, 'propose', actor) : begun;
  if (proposed.state !== 'proposed') return proposed;
  const approved = hasApproved(proposed, actor.by) ? proposed : await take(ctx, proposed, 'approve', actor, decision);
  if (approved.state !== 'approved') throw new RefusalError(refuse('recon_second_person_required'));
  return approved;
}

/** Approves and carries out the proposed repair. */
export async function repairException(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  if (exception.proposal === 'none') throw new RefusalError(refuse('recon_repair_impossible'));
  if (exception.proposal === 'accept') return acceptException(ctx, exception, actor);
  const approved = await approvedEnough(ctx, exception, actor, 'repair');
  return carryOut(ctx, approved, actor);
}

async function carryOut(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  switch (exception.proposal) {
    case 'complete_payment':
    case 'complete_refund':
      if (!(await complete(ctx, exception))) throw new RefusalError(refuse('recon_repair_impossible'));
      return take(ctx, await take(ctx, exception, 'repair', actor), 'close', actor);
    case 'fetch_bill': {
      const kind = exception.detail.bill === 'fund' ? 'fund' : 'trade';
      const fetched = await fetchBill(ctx, { ...exception, kind }, actor.by);
      if (fetched.is === 'waiting') throw new RefusalError(refuse('recon_repair_impossible'));
      await matchDay(ctx, exception);
      return afterwards(ctx, exception);
    }
    default:
      if (exception.object_id !== null) await askAbout(ctx, exception.merchant_id, exception.object_id);
      await matchDay(ctx, exception);
      return afterwards(ctx, exception);
  }
}

/** Asked and matched again: either it is settled now, or Heliu can do no more. */
async function afterwards(ctx: PaymentsCtx, { merchant_id, id }: ReconException): Promise<ReconException> {
  const now = await getException(ctx, merchant_id, id);
  if (now.state !== 'closed') throw new RefusalError(refuse('recon_repair_impossible'));
  return now;
}

/** Takes the bill's word to the payments module. True: ours says the same now, and the two are matched. */
async function complete(ctx: PaymentsCtx, exception: ReconException): Promise<boolean> {
  const line = await store.findLine(ctx, exception);
  const { merchant_id, channel_account_id, object_id } = exception;
  const account = await findAccountById(ctx, channel_account_id);
  const channel = account && channels.get(account.channel);
  const bill = channel?.bills?.trade;
  if (!account || !line || !bill || object_id === null || line.bill_state !== 'current' || line.channel_transaction_id === null) return false;
  if (line.receiver !== channel.receiver(account.config)) return false;
  if (line.state !== 'succeeded' || (line.kind === 'payment') !== object_id.startsWith('att_')) return false;
  const raw = JSON.stringify({
    bill: { id: exception.bill_id, sha256: line.sha256.toString('hex'), line: exception.line },
    ...line,
    sha256: undefined,
    amount_fen: String(line.amount_fen),
  });
  const exchange: Exchange = { digest: sha256(raw), raw, received_at: line.imported_at };
  const amount_fen = toFen(line.amount_fen);
  const state = object_id.startsWith('ref_')
    ? await applyBilledRefund(ctx, {
        merchant_id,
        channel_account_id,
        refund_id: object_id,
        exchange,
        fact: { is: 'succeeded', amount_fen, refunded_at: line.at, ...(line.channel_refund_id === null ? {} : { channel_refund_id: line.channel_refund_id }) },
      })
    : await applyBilledPayment(ctx, {
        merchant_id,
        channel_account_id,
        attempt_id: object_id,
        exchange,
        success: {
          channel_transaction_id: line.channel_transaction_id,
          amount_fen,
          currency: line.currency,
          paid_at: line.at,
          identity: bill.identity(line.receiver),
        },
      });
  if (state !== 'succeeded') return false;
  await store.insertMatch(ctx, exception, object_id.startsWith('ref_') ? 'refund_no' : 'order_no');
  return true;
}

const automatic_kinds = (Object.keys(kinds) as ExceptionKind[]).filter((kind) => kinds[kind].automatic);

/** Carries out what needs nobody, for bills that we fetched ourselves. An uploaded file proves nothing by itself: a person looks first. */
export async function repairAutomatically(ctx: PaymentsCtx, account: { readonly merchant_id: string; readonly channel_account_id: string }): Promise<number> {
  const actor: Actor = { by: system, note: 'automatic' };
  let repaired = 0;
  for (;;) {
    const batch = await store.listAutomatic(ctx, account, automatic_kinds, recon_batch_rows);
    let progressed = 0;
    for (const exception of batch) {
      const done = await repairOne(ctx, exception, actor);
      if (done) progressed++;
    }
    repaired += progressed;
    if (progressed === 0 || batch.length < recon_batch_rows) return repaired;
  }
}

async function repairOne(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<boolean> {
  try {
    if (exception.proposal === 'accept') {
      await take(ctx, await take(ctx, exception, 'accept', actor), 'close', actor);
      return true;
    }
    if (!(await complete(ctx, exception))) return false;
    // What the bill proves needs no approval: the shared verifier has held it against the order.
    const approved = await take(ctx, { ...exception, at_risk_fen: toFen(0) }, 'approve', actor);
    const repaired = await take(ctx, { ...approved, at_risk_fen: exception.at_risk_fen }, 'repair', actor);
    await take(ctx, repaired, 'close', actor);
    return true;
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return false;
  }
}

/** Tells of exceptions that have been open for long, once each. */
export async function tellAged(ctx: PaymentsCtx): Promise<void> {
  const now = ctx.clock.now();
  const aged = await store.claimAged(ctx, { before: addMs(now, -ageing_ms), now, limit: recon_batch_rows });
  const by_merchant = Map.groupBy(aged, ({ merchant_id }) => merchant_id);
  for (const [merchant_id, rows] of by_merchant) {
    const events = rows.map((row) =>
      buildEvent({ id: newId('event', now, ctx.rng), type: 'recon_exception.aged', livemode: row.livemode, created_at: now, data: viewException(row) }),
    );
    await store.insertEvents(ctx.db.kysely, merchant_id, events);
    ctx.log.warn({ merchant_id, exceptions: rows.length }, 'differences between bills and payments stay open');
  }
  if (aged.length > 0) ctx.nudge('deliveries');
}
