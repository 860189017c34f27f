import type { Event } from '@heliu/contract';
import type { Draft } from '../posting.ts';
import { afterRefund, event_postings, isRefund, type MappingEnv, type Taken, takenBy } from './event-postings.ts';

/** An event with its place in the order of its book. */
export type NumberedEvent = { readonly sequence: bigint; readonly event: Event };

/** What a batch of events is posted as, and how far it got. */
export type BatchPlan = { readonly drafts: readonly Draft[]; readonly position: bigint };

/** The attempts of which a batch must know what they took. */
export const attemptsToKnow = (events: readonly NumberedEvent[]): string[] => [...new Set(events.flatMap(({ event }) => refundedAttempt(event) ?? []))];

const refundedAttempt = ({ data }: Event): string | undefined => (data.object === 'refund' ? data.attempt_id : undefined);

/**
 * Maps events in their order. Nodes' clocks differ by a little and numbers follow them, so a refund may stand just before
 * its payment: payments of the batch are mapped first. A refund whose payment is in no batch yet waits for the next one, at
 * whose head it then stands; there it is posted whatever is known, since nothing may hold up a book for ever.
 */
export function planBatch(events: readonly NumberedEvent[], known: ReadonlyMap<string, Taken>, charge: MappingEnv['charge']): BatchPlan | undefined {
  const coming = new Set(events.flatMap(({ event }) => incomingAttempt(event) ?? []));
  const isKnown = ({ event }: NumberedEvent, at: number): boolean => {
    const attempt_id = refundedAttempt(event);
    return at === 0 || attempt_id === undefined || known.has(attempt_id) || coming.has(attempt_id);
  };
  const cut = events.findIndex((event, at) => !isKnown(event, at));
  if (cut > 0) return planBatch(events.slice(0, cut), known, charge);
  const last = events.at(-1);
  if (!last) return undefined;

  const taken = new Map(known);
  const env: MappingEnv = { charge, taken: (attempt_id) => taken.get(attempt_id) };
  const drafts = new Map<Event, Draft>();
  const map = (event: Event): void => {
    const draft = event_postings[event.type]?.(event, env);
    if (!draft) return;
    drafts.set(event, draft);
    remember(taken, draft);
  };
  for (const { event } of events) if (refundedAttempt(event) === undefined) map(event);
  for (const { event } of events) if (refundedAttempt(event) !== undefined) map(event);
  return { drafts: events.flatMap(({ event }) => drafts.get(event) ?? []), position: last.sequence };
}

const incomingAttempt = ({ type, data }: Event): string | undefined =>
  (type === 'payment.paid' || type === 'payment.duplicate_received' || type === 'payment.late_received') && 'attempt' in data ? data.attempt?.id : undefined;

function remember(taken: Map<string, Taken>, draft: Draft): void {
  const { attempt_id } = draft;
  if (attempt_id === null) return;
  const now = takenBy(draft);
  const before = taken.get(attempt_id);
  if (now) taken.set(attempt_id, now);
  else if (before && isRefund(draft)) taken.set(attempt_id, afterRefund(before, draft));
}
