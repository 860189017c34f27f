import type { Told } from '../channels/kit/simulator.ts';
import { readChannelNo } from '../kernel/id.ts';
import type { FaultId } from './faults.ts';
import type { WireAnswer } from './node.ts';
import type { Sim } from './sim.ts';

/** Holds what gateways told of payments against the books, at the very moment at which a node acknowledges it. */
export type Witness = {
  readonly acknowledged: (told: Told, answer: WireAnswer) => void;
  readonly broken: readonly string[];
};

const lies: Readonly<Record<NonNullable<Told['wrong']>, FaultId>> = { amount: 'CF-12', receiver: 'CF-12', order: 'CF-13', transaction: 'CF-21' };

/** What our books say of an attempt: how it succeeded, and whether a person was told of it. */
const books = `select (select t.via from transitions t where t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'succeeded') as succeeded_via,
  exists (select 1 from anomalies n where n.attempt_id = a.id) as parked from attempts a where a.id = $1`;
const orphans = `select 1 from anomalies where kind = 'orphan_success' and detail ->> 'channel_transaction_id' = $1`;

export function createWitness({ database, faults }: Pick<Sim, 'database' | 'faults'>): Witness {
  const broken: string[] = [];
  const lied = new Set<Told>();

  function acknowledged(told: Told, { status }: WireAnswer): void {
    if (told.wrong && !lied.has(told)) {
      lied.add(told);
      faults.count(lies[told.wrong]);
    }
    // All connections share one session: inside another one's transaction nothing can be read.
    if (status >= 300 || !database.isFree()) return;
    const problem = problemOf(told);
    if (problem) broken.push(`${problem}: ${JSON.stringify(told)}`);
  }

  function problemOf({ order_no, transaction_id, wrong }: Told): string | undefined {
    if (wrong === 'order')
      return database.engine.query(orphans, [transaction_id]).rows.length > 0 ? undefined : 'I-10 money that matches nothing of ours was forgotten';
    const id = `att_${readChannelNo(order_no)?.ulid}`;
    const [row] = database.engine.query(books, [id]).rows;
    const { succeeded_via, parked } = row ?? {};
    if (!wrong) return succeeded_via || parked ? undefined : 'I-37 a payment was acknowledged before it was stored';
    if (succeeded_via === 'notification') return `I-06 a success was believed although its ${wrong} is not ours`;
    return succeeded_via || parked ? undefined : `I-06 nobody was told of a success whose ${wrong} is not ours`;
  }

  return { acknowledged, broken };
}
