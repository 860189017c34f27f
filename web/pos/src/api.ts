/** The terminal API, as the till uses it. */
export type Outcome = 'paid' | 'refunded' | 'waiting' | 'show_qr' | 'refused' | 'cancelling' | 'closed';
export type Payment = {
  readonly id: string;
  readonly amount_fen: number;
  readonly paid_fen: number;
  readonly refunded_fen: number;
  readonly refunding_fen: number;
  readonly version: number;
  readonly created_at: string;
  readonly next_action: { readonly type: string; readonly qr_content?: string };
  readonly attempt: { readonly method: string; readonly refusal: { readonly message: string; readonly message_zh: string } | null } | null;
};
export type Order = { readonly order_no: string; readonly outcome: Outcome; readonly payment: Payment };
export type Till = {
  readonly merchant_name: string;
  readonly store_name: string;
  readonly terminal_name: string;
  readonly livemode: boolean;
  readonly qr_methods: readonly { readonly method: string; readonly wallet: string }[];
  readonly refund_fen_max: number;
};
export type Total = {
  readonly wallet: string;
  readonly paid_count: number;
  readonly paid_fen: number;
  readonly refund_count: number;
  readonly refunded_fen: number;
};
export type Shift = { readonly opened_at: string; readonly closed_at?: string; readonly cashier?: string; readonly totals: readonly Total[] };
/** What is sent for one try at an order; kept until its end is known, so that a retry is the same to the letter. */
export type Charge = {
  readonly order_no: string;
  readonly try_no: number;
  readonly amount_fen: number;
  readonly auth_code?: string;
  readonly qr_method?: string;
};

/** The server said no, in both languages. Anything else that goes wrong is the network, and is tried again. */
export class ServerRefusal extends Error {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  constructor(code: string, zh: string, en: string) {
    super(code);
    this.code = code;
    this.zh = zh;
    this.en = en;
  }
}

export type Api = ReturnType<typeof createApi>;

/** Calls as a paired device. */
export function createApi(token: string) {
  const call = <T>(path: string, body?: object, signal?: AbortSignal) => ask<T>(path, body, token, signal);
  return {
    till: () => call<Till>('/till'),
    charge: (charge: Charge) => call<Order>('/orders', charge),
    order: (order_no: string) => call<Order>(`/orders/${order_no}`),
    next: (order_no: string, after_version: number, signal: AbortSignal) =>
      call<Order>(`/orders/${order_no}/next?after_version=${after_version}`, undefined, signal),
    cancel: (order_no: string) => call<Order>(`/orders/${order_no}/cancel`, {}),
    today: () => call<{ readonly data: readonly Order[] }>('/orders'),
    refund: (body: { order_no: string; refund_no: string; amount_fen: number; pin: string }) => call<{ readonly order: Order }>('/refunds', body),
    shift: () => call<Shift>('/shift'),
    handOver: (cashier: string, opened_at: string) => call<Shift>('/shift/handover', { cashier, opened_at }),
  };
}

export const pair = (code: string, device_name: string) => ask<{ readonly token: string }>('/pair', { code, device_name }, undefined);

async function ask<T>(path: string, body: object | undefined, token: string | undefined, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(`/pos/api${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    ...(signal ? { signal } : {}),
  });
  if (answer.ok) return (await answer.json()) as T;
  const { error } = (await answer.json()) as { error: { code: string; message: string; message_zh: string } };
  // Overload and faults of the server are asked again, as a broken network is.
  if (answer.status >= 500) throw new Error(error.code);
  throw new ServerRefusal(error.code, error.message_zh, error.message);
}
