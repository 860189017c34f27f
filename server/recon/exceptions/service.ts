import type { ExceptionKind } from '@heliu/contract';
import type { Exchange } from '../../channels/exchange.ts';
import { channels } from '../../channels/registry.ts';
import { sha256 } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { recon_batch_rows } from '../../kernel/limits.ts';
import { type Fen, formatYuan, toFen } from '../../kernel/money.ts';
import { orThrow, type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { findAccountById } from '../../merchants/service.ts';
import { applyBilledPayment, applyBilledRefund, askAbout, askSettled } from '../../payments/bills/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import { fetchBill } from '../bills/service.ts';
import type { Trx } from '../bills/store.ts';
import { matchDay } from '../matching/service.ts';
import { postSuspense, undoSuspense } from '../postings/service.ts';
import {
  ageing_ms,
  type Decision,
  isAgreed,
  kinds,
  limitTogether,
  type ReconException,
  type Step,
  samePerson,
  stepsToward,
  type Together,
  walked,
} from './exception.ts';
import { system } from './open.ts';
import { wordsOf } from './said.ts';
import * as store from './store.ts';
import { viewException } from './view.ts';

/** Who does it, and why. */
export type Actor = {
  readonly by: string;
  readonly note: string | null;
  /** All that is decided on in the same act, where it is more than one. */
  readonly together?: Together | undefined;
};

export const listExceptions = (ctx: Ctx, filter: store.ExceptionFilter): Promise<readonly ReconException[]> => store.listExceptions(ctx, filter);
export const listSteps = (ctx: Ctx, merchant_id: string, id: string) => store.listSteps(ctx, merchant_id, id);

export async function getException(ctx: Ctx, merchant_id: string, id: string): Promise<ReconException> {
  const exception = await store.findException(ctx, merchant_id, id);
  if (!exception) throw new RefusalError(refuse('recon_exception_not_found', 'recon_exception_id'));
  return exception;
}

type Effect = {
  readonly exception: ReconException;
  readonly steps: readonly Step[];
  readonly actor: Actor;
  readonly decision?: Decision;
  /** Whose it is from now on; unless given, whoever acts on what is nobody's. */
  readonly owner?: string;
  /** From this much at risk on two persons approve; what the configuration says unless given. */
  readonly two_persons_from_fen?: bigint;
  /** What stands or falls with the steps. */
  readonly first?: (trx: Trx) => Promise<void>;
};

/** Takes steps, audited, all with their effect or none. The version guards it: of two persons at once, one is told that it moved on. */
async function take(
  ctx: PaymentsCtx,
  { exception, steps, actor, decision = 'repair', first = () => Promise.resolve(), ...given }: Effect,
): Promise<ReconException> {
  const { by, note } = actor;
  const now = ctx.clock.now();
  const two_persons_from_fen = given.two_persons_from_fen ?? limitOf(ctx, actor);
  // Whoever has it keeps it: acting on it takes it from nobody.
  const owner = given.owner ?? (by === system ? exception.owner : (exception.owner ?? by));
  const [head, ...rest] = orThrow(walked({ ...exception, owner }, steps, { by, now, decision, two_persons_from_fen }));
  if (!head) return exception;
  const { after } = rest.at(-1) ?? head;
  const type = after.state === 'closed' ? 'recon_exception.closed' : 'recon_exception.opened';
  const told = (after.state === 'closed') !== (exception.state === 'closed');
  const events = told ? [buildEvent({ id: newId('event', now, ctx.rng), type, livemode: after.livemode, created_at: now, data: viewException(after) })] : [];
  const within = async (trx: Trx): Promise<void> => {
    if (steps.includes('suspend')) await postSuspense(trx, ctx, after);
    if (steps.includes('reopen')) await undoSuspense(trx, ctx, after);
  };
  const written = await store.writeSteps(ctx, { taken: [head, ...rest], by, note, now, events, first, within });
  if (!written) throw new RefusalError(refuse('recon_step_not_allowed', undefined, { state: 'changed' }));
  if (told) ctx.nudge('deliveries');
  return after;
}

const limitAlone = (ctx: PaymentsCtx): bigint => BigInt(ctx.config.recon_two_persons_from_fen);
const limitOf = (ctx: PaymentsCtx, { together }: Actor): bigint => limitTogether(limitAlone(ctx), together);

/** Makes it somebody's, audited. Nobody is handed what is closed. */
export function assignException(
  ctx: PaymentsCtx,
  { exception, owner: name, actor }: { readonly exception: ReconException; readonly owner: string; readonly actor: Actor },
): Promise<ReconException> {
  requirePerson(actor.by, 'by');
  const owner = name.trim();
  requirePerson(owner, 'owner');
  const note = [`→ ${owner}`, actor.note].filter((text) => text !== null).join(': ');
  return take(ctx, { exception, steps: ['assign'], actor: { ...actor, note }, owner });
}

/** Accepts the difference as it is: it stays in the day's equation, and nobody looks at it again. */
export const acceptException = (ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> =>
  decide(ctx, { exception, actor, decision: 'accept', steps: ['accept', 'close'] });

/** Writes the difference to suspense (挂账), in the ledger too. */
export const suspendException = (ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> =>
  decide(ctx, { exception, actor, decision: 'suspend', steps: ['suspend', 'close'] });

/** Opens a closed one again. What a large amount stands in suspense by takes two persons, as it did to write it there. */
export const reopenException = (ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> =>
  decide(ctx, { exception, actor, decision: 'reopen', steps: ['reopen'] });

type Deciding = Pick<Effect, 'exception' | 'actor' | 'steps'> & { readonly decision: Decision };

/**
 * What carries money words needs as many persons as its amount says; the one who asks is the first of them. The last one's
 * word, what comes of it and the close are written together.
 */
async function decide(ctx: PaymentsCtx, { exception, actor, decision, steps }: Deciding): Promise<ReconException> {
  requirePerson(actor.by, 'by');
  const two_persons_from_fen = limitOf(ctx, actor);
  const toward = stepsToward(exception, decision, actor.by, two_persons_from_fen);
  const taken = orThrow(walked(exception, toward, { by: actor.by, now: ctx.clock.now(), decision, two_persons_from_fen }));
  if (isAgreed(taken.at(-1)?.after ?? exception, decision, two_persons_from_fen))
    return take(ctx, { exception, actor, decision, steps: [...toward, ...steps] });
  await take(ctx, { exception, actor, decision, steps: toward });
  throw new RefusalError(secondPerson(ctx, exception, actor));
}

function secondPerson(ctx: PaymentsCtx, { at_risk_fen }: ReconException, { together }: Actor): Refusal {
  const from = limitAlone(ctx);
  if (together === undefined || at_risk_fen >= from) return refuse('recon_second_person_required');
  const facts = { count: String(together.count), total: formatYuan(together.at_risk_fen as Fen), from: formatYuan(from as Fen) };
  return refuse('recon_total_second_person_required', undefined, facts);
}

function requirePerson(name: string, param: 'by' | 'owner'): void {
  if (samePerson(name, system) || samePerson(name, '') || name.length > person_max)
    throw new RefusalError(refuse('parameter_invalid', param, { expected: 'the name of a person', expected_zh: '须为操作人姓名' }));
}

/** A name is no story. */
const person_max = 64;

/** Approves and carries out the proposed repair. */
export async function repairException(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  if (exception.proposal === 'none') throw new RefusalError(refuse('recon_repair_impossible'));
  if (exception.proposal === 'accept') return acceptException(ctx, exception, actor);
  // Written before the channel is called, or the payment completed.
  const approved = await decide(ctx, { exception, actor, decision: 'repair', steps: [] });
  if (approved.state !== 'approved') throw new RefusalError(refuse('recon_step_not_allowed', undefined, { state: approved.state }));
  return carryOut(ctx, approved, actor);
}

async function carryOut(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<ReconException> {
  switch (exception.proposal) {
    case 'complete_payment':
    case 'complete_refund':
      if (!(await complete(ctx, exception))) throw new RefusalError(refuse('recon_repair_impossible'));
      return take(ctx, { exception, actor, steps: ['repair', 'close'], first: (trx) => matched(trx, exception) });
    case 'fetch_bill': {
      const kind = exception.detail.bill === 'fund' ? 'fund' : 'trade';
      const fetched = await fetchBill(ctx, { ...exception, kind }, actor.by);
      if (fetched.is === 'waiting') throw new RefusalError(refuse('recon_repair_impossible'));
      await matchDay(ctx, exception);
      return afterwards(ctx, exception);
    }
    default:
      await ask(ctx, exception, actor);
      await matchDay(ctx, exception);
      return afterwards(ctx, exception);
  }
}

/**
 * Asks the channel. What is open here takes its answer; what is settled here takes nothing of it: the answer is written into
 * the history of the exception, as evidence for a person.
 */
async function ask(ctx: PaymentsCtx, exception: ReconException, actor: Actor): Promise<void> {
  const { merchant_id, object_id } = exception;
  if (object_id === null) return;
  const said = await askSettled(ctx, merchant_id, object_id);
  if (!said) return askAbout(ctx, merchant_id, object_id);
  await take(ctx, { exception, steps: ['ask'], actor: { ...actor, note: wordsOf(said) } });
}

/** Asked and matched again: either it is settled now, or Heliu can do no more. */
async function afterwards(ctx: PaymentsCtx, { merchant_id, id }: ReconException): Promise<ReconException> {
  const now = await getException(ctx, merchant_id, id);
  if (now.state !== 'closed') throw new RefusalError(refuse('recon_repair_impossible'));
  return now;
}

/** Written with the close of the exception. */
const matched = (trx: Trx, exception: ReconException): Promise<void> =>
  store.insertMatch(trx, exception, exception.object_id?.startsWith('ref_') ? 'refund_no' : 'order_no');

/** Takes the bill's word to the payments module. True: ours says the same now. */
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
  return state === 'succeeded';
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
      await take(ctx, { exception, actor, steps: ['accept', 'close'] });
      return true;
    }
    if (!(await complete(ctx, exception))) return false;
    // What the bill proves needs no second approval: the shared verifier has held it against the order.
    const two_persons_from_fen = exception.at_risk_fen + 1n;
    await take(ctx, { exception, actor, steps: ['approve', 'repair', 'close'], two_persons_from_fen, first: (trx) => matched(trx, exception) });
    return true;
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return false;
  }
}

/**
 * Finishes what a node left that died half-way: what was decided on is closed, and what waits for a payment or refund that is
 * completed by now is settled by a matching of its day.
 */
export async function finishDecided(ctx: PaymentsCtx): Promise<void> {
  const actor: Actor = { by: system, note: 'finished' };
  const orSkip = (error: unknown): undefined => {
    // Somebody else has been faster, or the day waits for another bill.
    if (!(error instanceof RefusalError)) throw error;
  };
  for (const exception of await store.listDecided(ctx, recon_batch_rows)) await take(ctx, { exception, actor, steps: ['close'] }).catch(orSkip);
  for (const day of await store.listCompleted(ctx, recon_batch_rows)) await matchDay(ctx, day).catch(orSkip);
}

/** Tells of exceptions that have been open for long, once each time that they are open. */
export async function tellAged(ctx: PaymentsCtx): Promise<void> {
  const now = ctx.clock.now();
  // The claim and the word of it stand or fall together.
  const aged = await ctx.db.kysely.transaction().execute(async (trx) => {
    const claimed = await store.claimAged(trx, { before: addMs(now, -ageing_ms), now, limit: recon_batch_rows });
    for (const [merchant_id, rows] of Map.groupBy(claimed, (row) => row.merchant_id)) {
      const events = rows.map((row) =>
        buildEvent({ id: newId('event', now, ctx.rng), type: 'recon_exception.aged', livemode: row.livemode, created_at: now, data: viewException(row) }),
      );
      await store.insertEvents(trx, merchant_id, events);
    }
    return claimed;
  });
  for (const [merchant_id, rows] of Map.groupBy(aged, (row) => row.merchant_id))
    ctx.log.warn({ merchant_id, exceptions: rows.length }, 'differences between bills and payments stay open');
  if (aged.length > 0) ctx.nudge('deliveries');
}
