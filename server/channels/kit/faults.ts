import type { Fault } from './simulator.ts';

export type FaultKind = Fault['kind'];
/** Faults that happen to a call, whatever it does. */
export const call_faults = [
  'drop_before',
  'drop_after',
  'cut_answer',
  'html_answer',
  'server_error',
  'slow',
  'unsigned_answer',
  'bad_signature',
  'rate_limit',
  'unlisted_code',
  'error_code',
] as const satisfies readonly FaultKind[];
export type CallFault = Fault & { readonly kind: (typeof call_faults)[number] };

export const notice_faults = [
  'notify_lost',
  'notify_delayed',
  'notify_twice',
  'notify_wrong_amount',
  'notify_wrong_merchant',
  'notify_unknown_order',
  'notify_reused_transaction',
  'notify_signature_probe',
] as const satisfies readonly FaultKind[];
export type NoticeFault = Fault & { readonly kind: (typeof notice_faults)[number] };

/** The notices about refunds alone; a fault for `notify` hits any. */
export const refund_notice = 'notify_refund';

export type Faults = {
  inject(fault: Fault): void;
  /** The next fault of one of these kinds for a call; it is used up by one. */
  take<K extends FaultKind>(call: string, kinds: readonly K[]): (Fault & { readonly kind: K }) | undefined;
};

export function createFaults(): Faults {
  const waiting: { fault: Fault; left: number }[] = [];
  return {
    inject(fault) {
      // For a repeated notification, `times` says how often it comes, not how many are hit.
      waiting.push({ fault, left: fault.kind === 'notify_twice' ? 1 : (fault.times ?? 1) });
    },
    take<K extends FaultKind>(call: string, kinds: readonly K[]) {
      const index = waiting.findIndex(({ fault }) => (kinds as readonly string[]).includes(fault.kind) && matches(fault, call));
      const found = waiting[index];
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) waiting.splice(index, 1);
      return found.fault as Fault & { readonly kind: K };
    },
  };
}

/** Calls beside payments, refunds and notifications: only a fault that names them hits them. */
const beside: ReadonlySet<string> = new Set(['certificates', 'keys', 'bill', 'bill_file']);
function matches({ on }: Fault, call: string): boolean {
  if (on === undefined) return !beside.has(call);
  return on === call || (on === 'notify' && call === refund_notice);
}
