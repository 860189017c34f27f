import type { Asked, GatewayRequest } from '../simulator.ts';

/** What a simulated gateway hears and says, before and after its own dialect. */

/** A request with its bytes exactly as they came; its path as the gateway would see it at the root of a host of its own. */
export type RawRequest = GatewayRequest & {
  /** Serial number of the client certificate; `none` over plain http, where none can be shown. */
  readonly client_certificate: { readonly serial_no: string | undefined } | 'none';
  readonly address: string;
};

export type WireReply = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string | Buffer };

export type Signature = 'good' | 'bad' | 'none';

/** An answer that is ready but for its signature. */
export type Unsealed = (how: Signature) => WireReply;

/** What can go wrong with a call before it has an effect, in the words of its interface. */
export type Trouble = 'server_error' | 'rate_limit' | 'unlisted_code' | { readonly code: string };

/** The numbers that a call names, as the gateway has them. */
export type Named = Pick<Asked, 'order_no' | 'refund_no' | 'charges'>;

/** A call whose caller is known to be genuine. */
export type Call = {
  readonly name: Asked['does'] | 'keys' | 'bill';
  /** What it is about, where the gateway is one that worlds watch. */
  readonly names?: Named | undefined;
  readonly run: () => Unsealed;
  readonly fail: (trouble: Trouble) => Unsealed;
};

/** Either an answer at the door or a call to carry out. */
export type Received = { readonly reply: WireReply } | { readonly call: Call };

export const textReply = (body: string | Buffer, content_type: string, status = 200): WireReply => ({
  status,
  headers: { 'Content-Type': content_type },
  body,
});
