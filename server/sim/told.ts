import type { Told } from '../channels/kit/simulator.ts';
import type { FaultId } from './faults.ts';
import type { WireAnswer } from './node.ts';
import type { Sim } from './sim.ts';

/** Holds what gateways told of payments and refunds against the books, at the very moment at which a node acknowledges it. */
export type Witness = {
  /** On its way: what of it is not the truth is counted. */
  readonly sent: (told: Told) => void;
  readonly acknowledged: (told: Told, answer: WireAnswer) => void;
  readonly broken: readonly string[];
};

const lies: Readonly<Record<NonNullable<Told['wrong']>, FaultId>> = { amount: 'CF-12', receiver: 'CF-12', order: 'CF-13', transaction: 'CF-21' };

/** What our books say of an attempt: how it succeeded, and whether a person was told of it. */
const books = `select (select t.via from transitions t where t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'succeeded') as succeeded_via,
  exists (select 1 from anomalies n where n.attempt_id = a.id) as parked from attempts a where a.id = $1`;
const refund_books = `select (select t.via from transitions t where t.merchant_id = r.merchant_id and t.object_id = r.id and t.to_state = 'succeeded') as succeeded_via,
  exists (select 1 from anomalies n where n.refund_id = r.id) as parked from refunds r where r.id = $1`;
/** Where a gateway names a payment by our number alone, a wrong one is all there is to know it by. */
const orphans = `select 1 from anomalies where kind = 'orphan_success' and (detail ->> 'channel_transaction_id' = $1
  or right(detail ->> 'channel_order_no', length($2) - 1) = substr($2, 2))`;
/** Also of a gateway that is told the end of our numbers alone. */
const ulid_length = 26;

export function createWitness({ database, faults }: Pick<Sim, 'database' | 'faults'>): Witness {
  const broken: string[] = [];
  const lied = new Set<Told>();

  function sent(told: Told): void {
    if (!told.wrong || lied.has(told)) return;
    lied.add(told);
    faults.count(lies[told.wrong]);
  }

  function acknowledged(told: Told, { status }: WireAnswer): void {
    // All connections share one session: inside another one's transaction nothing can be read.
    if (status >= 300 || !database.isFree()) return;
    const problem = problemOf(told);
    if (problem) broken.push(`${problem}: ${JSON.stringify(told)}`);
  }

  /** A refund of a number that is not ours is looked at in the end, when the gateways' books are compared with ours. */
  function problemOfRefund(refund_no: string, wrong: Told['wrong']): string | undefined {
    const [row] = database.engine.query(refund_books, [`ref_${refund_no.slice(-ulid_length)}`]).rows;
    const { succeeded_via, parked } = row ?? { parked: true };
    if (wrong === 'amount' && succeeded_via === 'notification') return 'I-14 a refund was believed although its amount is not ours';
    return succeeded_via || parked ? undefined : 'I-37 a refund was acknowledged before it was stored';
  }

  function problemOf({ order_no, transaction_id, refund_no, wrong }: Told): string | undefined {
    if (refund_no !== undefined) return problemOfRefund(refund_no, wrong);
    if (wrong === 'order')
      return database.engine.query(orphans, [transaction_id, order_no]).rows.length > 0 ? undefined : 'I-10 money that matches nothing of ours was forgotten';
    const id = `att_${order_no.slice(-ulid_length)}`;
    const [row] = database.engine.query(books, [id]).rows;
    const { succeeded_via, parked } = row ?? {};
    if (!wrong) return succeeded_via || parked ? undefined : 'I-37 a payment was acknowledged before it was stored';
    if (succeeded_via === 'notification') return `I-06 a success was believed although its ${wrong} is not ours`;
    return succeeded_via || parked ? undefined : `I-06 nobody was told of a success whose ${wrong} is not ours`;
  }

  return { sent, acknowledged, broken };
}
