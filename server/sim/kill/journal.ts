/** What the merchant's own programs wrote down while Heliu was being killed: the other side of every promise. */
export type Journal = {
  /** Writes that were answered 2xx. */
  readonly acknowledged: Acknowledged[];
  /** Tries that brought no answer that ends them; each was made again with the same key. */
  readonly tries: Try[];
  /** Writes that had no final answer in the end: I-38. */
  readonly unresolved: string[];
  /** A later read showed less than an earlier answer: I-39. */
  readonly stale: string[];
  /** Answers that no fault explains. */
  readonly unexpected: string[];
  /** Orders that a payer paid at a gateway, by payment. */
  readonly paid: Set<string>;
  reads: number;
};

export type Acknowledged = {
  readonly what: 'create' | 'refund' | 'close';
  readonly key: string;
  readonly path: string;
  readonly body: string;
  readonly status: number;
  readonly text: string;
  /** The payment or refund. */
  readonly id: string;
};

export type Try = {
  readonly at_ms: number;
  readonly how: 'connection' | 'timeout' | 'answer';
  /** Which answer it was: its status, and its code where it has our form. */
  readonly answer: string | undefined;
};

export const newJournal = (): Journal => ({ acknowledged: [], tries: [], unresolved: [], stale: [], unexpected: [], paid: new Set(), reads: 0 });

/** One row of what Heliu and the gateways hold of a merchant's order in the end. */
export type Held = {
  readonly payments: ReadonlyMap<string, { readonly state: string; readonly merchant_order_no: string; readonly amount_fen: number }>;
  readonly refunds: ReadonlyMap<string, { readonly state: string }>;
  /** Payments whose money a gateway holds, as often as it took it. */
  readonly taken: ReadonlyMap<string, number>;
  /** Events that the merchant was told of each payment. */
  readonly told: ReadonlyMap<string, ReadonlySet<string>>;
};

export type Verdict = { readonly lost: string[]; readonly doubled: string[] };

/** Holds the journal against what is held in the end: nothing acknowledged is lost (I-37), nothing happened twice. */
export function judge({ acknowledged, paid }: Journal, { payments, refunds, taken, told }: Held): Verdict {
  const lost: string[] = [];
  const doubled: string[] = [];
  for (const { what, id, body } of acknowledged) {
    const payment = payments.get(id);
    if (what === 'create' && payment?.amount_fen !== (JSON.parse(body) as { amount_fen: number }).amount_fen) lost.push(`create ${id}`);
    if (what === 'refund' && !refunds.has(id)) lost.push(`refund ${id}`);
    if (what === 'close' && payment?.state === 'pending') lost.push(`close ${id}`);
  }
  for (const id of paid) {
    if (payments.get(id)?.state !== 'paid' || !taken.has(id)) lost.push(`money of ${id}`);
    if (!told.has(id)) lost.push(`news of ${id}`);
  }
  for (const [id, times] of taken) if (times > 1) doubled.push(`money of ${id}`);
  for (const [id, events] of told) if (events.size > 1) doubled.push(`news of ${id}`);
  doubled.push(...repeated([...payments.values()].map(({ merchant_order_no }) => merchant_order_no)).map((no) => `order ${no}`));
  doubled.push(...repeated(acknowledged.map(({ what, id }) => `${what} ${id}`)));
  return { lost, doubled };
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.has(value) || !seen.add(value));
}
