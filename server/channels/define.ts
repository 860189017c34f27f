import type { KeyObject } from 'node:crypto';
import type { Method, NextAction, RefusalReason } from '@heliu/contract';
import Type, { type Static, type TObject } from 'typebox';
import type { Fen } from '../kernel/money.ts';
import type { PaymentFact, RefundFact } from '../kernel/outcome.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Bill, BillKind } from './bill.ts';

/**
 * A channel: one upstream gateway with its own protocol. Everything here is pure; `client.ts` does the IO.
 * Capability is presence: a method that `pay` has no key for cannot be asked of this channel.
 */
export type Channel<Config = unknown> = {
  /** Folder and URL name: `wechatpay`. */
  readonly code: string;
  readonly name: { readonly en: string; readonly zh: string };
  /** Set while details of the upstream are unconfirmed: the open points, for the matrix. A channel without it claims what it was verified against. */
  readonly experimental?: { readonly en: string; readonly zh: string };
  /** TypeBox schema of a channel account's settings: validates, marks secrets, renders the console form. */
  readonly config: TObject;
  /** Checks that a schema cannot express (keys that parse, certificates that match). Names the field. */
  readonly checkConfig?: (config: Config) => { readonly param: string; readonly problem: string } | undefined;
  /** Who must have received a payment of this account: `Success.identity` carries the same fields, and the shared verifier compares them. */
  readonly identity: (config: Config, input: { readonly app_id?: string }) => Readonly<Record<string, string>>;
  /** Whose money it is: other settings of an account may change, this may not, since refunds go where payments came from. */
  readonly receiver: (config: Config) => string;
  /** How a gateway with shorter fields is given a number of ours; whole where absent. Two numbers of one merchant stay two. */
  readonly shortNo?: (channel_no: string) => string;
  readonly pay: { readonly [M in Method]?: Operation<Config, PayInput, PayFact> };
  readonly query: Operation<Config, OrderInput, PaymentFact>;
  /** Closes an order that nobody has paid. Absent where an order ends by its time alone: a query then says when it did. */
  readonly close?: Operation<Config, OrderInput, UndoFact>;
  /** Undoes a payment-code order whatever its state, money back included (撤销). Every channel that takes payment codes has it. */
  readonly reverse?: Operation<Config, OrderInput, UndoFact>;
  /**
   * Bars the number of an order that the channel does not hold yet, so that nobody can pay it later. Like `reverse`, it
   * gives money back that comes first. Absent where the channel cannot.
   */
  readonly bar?: Operation<Config, OrderInput, UndoFact>;
  readonly refund: Operation<Config, RefundInput, RefundFact>;
  readonly refundQuery: Operation<Config, RefundInput, RefundFact>;
  readonly notification: Notification<Config>;
  /** The bills that the channel publishes for each day (账单). */
  readonly bills?: { readonly [K in BillKind]?: Bill<Config> };
  /** Who opens our page inside a wallet, by the method whose orders name that payer. */
  readonly identify?: { readonly [M in Method]?: Identify<Config> };
  /** Fetches the gateway's own verification keys where they are not part of the configuration. */
  readonly trust?: {
    readonly fetch: Operation<Config, TrustInput, TrustFact>;
    readonly refresh_ms: number;
    /**
     * A question that changes nothing and whose signed answer names the key that is in use. Declared where notifications
     * do not name theirs: after a change of keys they could not be verified before the next call.
     */
    readonly probe?: Operation<Config, TrustInput, TrustFact>;
  };
  /** The gateway gives the account a key and changes it: it is kept sealed beside the account, and each call is given it. */
  readonly session?: SessionRules<Config>;
};

/** A gateway that merchants ask for and that has no adapter: what is missing to build one. */
export type NotBuilt = { readonly name: Channel['name']; readonly missing: { readonly en: string; readonly zh: string } };

/** Keeps the exact configuration type of a declaration and gives the registry one type for all. */
export function defineChannel<const S extends TObject>(channel: Omit<Channel<Static<S>>, 'config'> & { readonly config: S }): Channel<Static<S>> {
  return channel as Channel<Static<S>>;
}

/** A configuration field that is sealed in the database and never shown again. At run time it is a `Secret`. */
export const secretField = (description: string, options: Record<string, unknown> = {}) =>
  Type.Unsafe<Secret>({ type: 'string', minLength: 1, 'x-secret': true, description, ...options });

/** The setting by which an operator believes a no that carries no signature. Without it such a no is unknown, and a query tells. */
export const unsignedErrorsField = () =>
  Type.Optional(
    Type.Boolean({
      description: 'Believe error answers that carry no signature (https alone vouches for them); false unless told. 是否采信未签名的错误应答，默认否。',
    }),
  );

/** The account that an order was sent with, at the version it was sent with. */
export type Account<Config = unknown> = {
  readonly id: string;
  readonly version: number;
  readonly merchant_id: string;
  readonly merchant_code: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly config: Config;
  /** Only of a channel with `session`; absent while there is no key that the gateway takes. */
  readonly session?: Session;
};

/** Who an account is at its gateway, and the key that the gateway gave it last. */
export type Session = { readonly name: string; readonly key: Secret };

/** How an account comes by its key, and by the next one. A key that was lost on the way cannot be had again, so neither call is repeated by itself. */
export type SessionRules<Config> = {
  /** Trades a code that the gateway made for this account for its first key. */
  readonly open: Operation<Config, SessionCode, SessionFact>;
  /** Asks for the next key with the one that the account holds. Refused: the gateway takes that one no more, and only a new code helps. */
  readonly renew: Operation<Config, SessionRenewal, SessionFact>;
  /** When the next key is wanted after one came at that time. */
  readonly renewAt: (got_at: Date) => Date;
};
export type SessionCode = { readonly code: Secret };
export type SessionRenewal = { readonly got_at: Date };

export type SessionFact =
  | { readonly is: 'session'; readonly session: Session }
  | { readonly is: 'refused'; readonly channel_code: string; readonly channel_message?: string }
  | { readonly is: 'unknown'; readonly cause: string; readonly detail?: string };

/** What a pure function may know of the world: the time and a fresh random text of 32 hex characters. */
export type Env = {
  readonly now: Date;
  readonly nonce: string;
  /** Of an answer: when its question was asked. What it says of an order is as old as that, however long the answer lay about. */
  readonly asked_at?: Date;
};
/** The instant from which an answer speaks; a message that nobody asked for speaks from now. */
export const asOf = ({ asked_at, now }: Env): Date => asked_at ?? now;

/** A request as it goes over the wire. `path` begins with `/` and includes the raw query. */
export type WireRequest = {
  readonly method: 'GET' | 'POST';
  /** Scheme and host, no trailing slash: `https://api.mch.weixin.qq.com`. */
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Client certificate for gateways that ask for mutual TLS. */
  readonly client_certificate?: { readonly certificate_pem: string; readonly key_pem: Secret };
};

export type WireAnswer = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** An asymmetric signature that the client computes off the main thread, and what to do with it (base64). */
export type Signable<T> = {
  readonly sign: { readonly message: string; readonly key: KeyObject; readonly digest: 'sha256' | 'sha1' };
  readonly then: (signature: string) => T;
};
export type Step<T> = T | Signable<T>;
export const isSignable = <T>(step: Step<T>): step is Signable<T> => typeof step === 'object' && step !== null && 'sign' in step && 'then' in step;

/** An outcome that needs no call: page, WAP and app payments of some gateways are a signed link for the payer. */
export type Local<Fact> = { readonly local: Fact };

/**
 * The adapter's word for "this answer settles nothing". Only `client.ts` turns it into an `unknown`; no adapter can
 * make one, and none can make a refusal out of an answer that was not verified.
 */
export type Ask = { readonly is: 'ask'; readonly why: 'unlisted' | 'unreadable' | 'server_error' | 'rate_limited'; readonly detail?: string };
export type Settled<Fact> = Exclude<Fact, { is: 'unknown' }> | Ask;

/**
 * `unknown_key` names a key of the gateway that is not held yet; the client fetches trust once and asks again. `unnamed_key`:
 * no key that is held verifies it, and it names none; the gateway may have another one, or it is forged.
 */
export type Verdict = 'valid' | 'invalid' | 'unnamed_key' | { readonly unknown_key: string };

/** The gateway's verification keys by serial or id, as `trust.fetch` gave them. Empty for channels without `trust`. */
export type Trust = ReadonlyMap<string, KeyObject>;

export type Operation<Config, Input, Fact> = {
  /** `same_key`: repeating the request with the same order number is harmless upstream, so the client may repeat it. */
  readonly retry: 'never' | 'same_key';
  /** Builds and signs the request. */
  readonly request: (input: Input, account: Account<Config>, env: Env) => Step<WireRequest | Local<Settled<Fact>>>;
  /** Is the answer really the gateway's? Decides about unsigned errors too, by the account's configuration. */
  readonly verify: (answer: WireAnswer, account: Account<Config>, trust: Trust, env: Env, input: Input) => Verdict;
  /** Reads a verified answer. Anything that errors.ts does not list is an `ask`. A throw counts as unreadable. */
  readonly outcome: (answer: WireAnswer, input: Input, account: Account<Config>, env: Env) => Step<Settled<Fact>>;
};

export type PayInput = {
  readonly channel_order_no: string;
  readonly method: Method;
  readonly amount_fen: Fen;
  readonly currency: string;
  readonly subject: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly notify_url: string;
  readonly auth_code?: string;
  readonly payer_id?: string;
  readonly app_id?: string;
  readonly payer_ip?: string;
  readonly return_url?: string;
  readonly terminal_id?: string;
};

/** `waiting` of a pay operation must carry what the payer does next. */
export type PayFact = Exclude<PaymentFact, { is: 'waiting' }> | { readonly is: 'waiting'; readonly action: NextAction };

export type OrderInput = {
  readonly channel_order_no: string;
  readonly method: Method;
  readonly amount_fen: Fen;
  readonly created_at: Date;
  /** When the order ends at the channel if nobody paid: some gateways have no other way to end one. */
  readonly expires_at: Date;
  readonly app_id?: string;
};

export type RefundInput = {
  readonly channel_order_no: string;
  readonly channel_transaction_id: string;
  readonly channel_refund_no: string;
  readonly method: Method;
  readonly amount_fen: Fen;
  /** Of the whole order. */
  readonly total_fen: Fen;
  readonly currency: string;
  readonly reason?: string;
  /** Of the refund. */
  readonly created_at: Date;
  /** Of the order: some gateways know one by its number and time. */
  readonly order_created_at: Date;
  readonly notify_url: string;
  /** The number under which the channel knows an earlier refund answer, if any. */
  readonly channel_refund_id?: string;
};

/** Answer to close or reverse. */
export type UndoFact =
  /** Nothing can be paid any more. `returned`: it had been paid and the money goes back by the channel itself. */
  | { readonly is: 'closed'; readonly money: 'none' | 'returned' | 'not_said' }
  /** Paid, or being paid: ask with a query what it is. */
  | { readonly is: 'not_closable' }
  | { readonly is: 'not_found' }
  /** The gateway asks to call again (WeChat recall=Y, Alipay retry_flag=Y). */
  | { readonly is: 'again' }
  | { readonly is: 'refused'; readonly reason: RefusalReason; readonly channel_code: string; readonly channel_message?: string }
  | { readonly is: 'unknown'; readonly cause: string; readonly detail?: string };

/**
 * The wallet's own sign-in of the payer (OAuth): it sends the browser back to us with a code, and the code is exchanged
 * for the payer's id behind the browser's back, so that no page can name another payer.
 */
export type Identify<Config> = {
  /** Where the browser is sent. Undefined: the account is not set up for it. */
  readonly authorizeUrl: (input: AuthorizeInput, config: Config) => string | undefined;
  /** The code in the query that the browser came back with. */
  readonly codeOf: (query: Readonly<Record<string, string>>) => string | undefined;
  readonly exchange: Operation<Config, IdentifyInput, PayerFact>;
};
/** `state` comes back unchanged: at most 128 letters and digits. */
export type AuthorizeInput = { readonly redirect_url: string; readonly state: string };
export type IdentifyInput = { readonly code: string };

/** `app_id` is the application that the payer's id belongs to, where ids differ between applications. */
export type PayerFact =
  | { readonly is: 'payer'; readonly payer_id: string; readonly app_id?: string }
  /** `code`: used, expired or never given. `payer`: no payer of the wallet. `configuration`: the account's own settings. */
  | { readonly is: 'refused'; readonly why: 'code' | 'payer' | 'configuration'; readonly channel_code: string }
  | { readonly is: 'unknown'; readonly cause: string; readonly detail?: string };

/** `unknown_key` is the key that an answer named and that is not held; absent when keys are only renewed. */
export type TrustInput = { readonly unknown_key?: string };
export type TrustFact = { readonly is: 'keys'; readonly keys: Trust } | { readonly is: 'unknown'; readonly cause: string; readonly detail?: string };

/**
 * A message that came to our notification URL. Header names in lower case; the body is the raw bytes. One that came by GET
 * is handed over as the form that its query is. `path` is that of the address which the gateway was told, for signatures that
 * cover it: a proxy in front of Heliu may have taken a part of it away.
 */
export type InboundMessage = { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

export type Reply = { readonly status: number; readonly content_type: string; readonly body: string };

export type Notification<Config> = {
  /** Set where the gateway tells by GET; every other GET to the address is answered like one to an address that is not there. */
  readonly by_get?: true;
  readonly verify: (message: InboundMessage, account: Account<Config>, trust: Trust, env: Env) => Verdict;
  /** Reads a verified message. Throws when it cannot be read: it is then answered with `reply.failed`. */
  readonly read: (message: InboundMessage, account: Account<Config>, env: Env) => NotificationFact;
  readonly reply: {
    /** A function where the gateway wants an answer to this very message: a number of it repeated, or a signature of ours. */
    readonly ok: Reply | ((message: InboundMessage, account: Account<Config>, env: Env) => Step<Reply>);
    readonly failed: Reply;
  };
};

/** What a verified notification says. Numbers come from its signed content only, never from the URL. */
export type NotificationFact =
  | { readonly about: 'payment'; readonly channel_order_no: string; readonly fact: Settled<PaymentFact> }
  | {
      readonly about: 'refund';
      /** Where the gateway sends it. */
      readonly channel_order_no?: string;
      readonly channel_refund_no: string;
      readonly fact: Settled<RefundFact>;
    }
  /** Genuine, and nothing for us. */
  | { readonly about: 'nothing'; readonly kind: string };
