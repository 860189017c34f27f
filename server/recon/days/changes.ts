/** What a closed day is held against. */
export type ClosedDay = {
  readonly closed_at: Date | null;
  /** Another bill is that of the day, or the one it has is not matched yet. */
  readonly bill_changed: boolean;
  /** Exceptions that were opened, opened again or settled after the day was closed. */
  readonly changed_exceptions: bigint;
  /** By how much the platform has more than was signed, as of the last matching. */
  readonly later_payments_fen: bigint;
  readonly later_refunds_fen: bigint;
};

type Changes = { readonly bill: boolean; readonly exceptions: number; readonly payments_fen: number; readonly refunds_fen: number };

/** What came into a day after it was closed; undefined where nothing did, and where it is open. */
export function changedSinceClosing(day: ClosedDay): Changes | undefined {
  if (!day.closed_at) return undefined;
  const changes = {
    bill: day.bill_changed,
    exceptions: Number(day.changed_exceptions),
    payments_fen: Number(day.later_payments_fen),
    refunds_fen: Number(day.later_refunds_fen),
  };
  return Object.values(changes).some((change) => change !== false && change !== 0) ? changes : undefined;
}
