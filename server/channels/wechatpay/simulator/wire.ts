import type { Trouble, Unsealed, WireReply } from '../../kit/gateway/wire.ts';

/** A request with its target and bytes exactly as they came, and the certificate that the caller showed, if any. */
export type RawRequest = {
  readonly method: string;
  /** The target of the request line, and what the gateway would see of it when it is mounted below a prefix. */
  readonly target: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** Serial number of the client certificate; `none` over plain http, where none can be shown. */
  readonly client_certificate: { readonly serial_no: string | undefined } | 'none';
};

/** A call whose caller is known to be genuine. */
export type Call = {
  readonly name: 'pay' | 'query' | 'close' | 'reverse' | 'refund' | 'refund_query' | 'bill' | 'bill_file' | 'certificates';
  readonly run: () => Unsealed;
  readonly fail: (trouble: Trouble) => Unsealed;
};

/** Either an answer at the door or a call to carry out. */
export type Received = { readonly reply: WireReply } | { readonly call: Call };
