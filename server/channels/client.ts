import { type KeyObject, sign } from 'node:crypto';
import type { Method } from '@heliu/contract';
import { assert } from '../kernel/assert.ts';
import {
  bill_bytes_max,
  bill_deadline_ms,
  channel_answer_bytes_max,
  channel_calls_per_account_max,
  channel_calls_per_origin_max,
  channel_deadline_ms,
  channel_detail_length_max,
  channel_sends_max,
} from '../kernel/limits.ts';
import type { PaymentFact, RefundFact, UnknownCause } from '../kernel/outcome.ts';
import { randomHex } from '../kernel/rng.ts';
import type { Ctx } from '../platform/ctx.ts';
import { EgressError } from '../platform/egress.ts';
import type { BillDigest, BillKind, BillLink } from './bill.ts';
import { createBulkhead } from './bulkhead.ts';
import {
  type Account,
  type Ask,
  type AuthorizeInput,
  type Channel,
  type Env,
  type InboundMessage,
  isSignable,
  type Local,
  type NotificationFact,
  type Operation,
  type OrderInput,
  type PayerFact,
  type PayFact,
  type PayInput,
  type RefundInput,
  type Reply,
  type SessionCode,
  type SessionFact,
  type SessionRenewal,
  type SessionRules,
  type Settled,
  type Step,
  type TrustFact,
  type TrustInput,
  type UndoFact,
  type WireAnswer,
  type WireRequest,
} from './define.ts';
import { type Exchange, exchangeOf } from './exchange.ts';
import { recordExchange, recordNotification, recordThrow } from './exchange-log.ts';
import { channels as registered } from './registry.ts';
import { createTrustStore, type Deadline, type FetchKeys, judge, type Probe, startDeadline } from './trust.ts';

/**
 * The only way to a channel, and the only maker of an `unknown`. Every call ends within one deadline, never throws for
 * what a channel does, and says no more than the channel's verified word.
 */
export type ChannelClient = {
  pay(account: Account, input: PayInput): Promise<Answered<PayFact>>;
  query(account: Account, input: OrderInput): Promise<Answered<PaymentFact>>;
  /** Only where `closes` says so. */
  close(account: Account, input: OrderInput): Promise<Answered<UndoFact>>;
  /** By the channel's code. False where an order ends by its time alone. */
  closes(channel: string): boolean;
  reverse(account: Account, input: OrderInput): Promise<Answered<UndoFact>>;
  /** Only where `bars` says so. */
  bar(account: Account, input: OrderInput): Promise<Answered<UndoFact>>;
  bars(account: Account): boolean;
  refund(account: Account, input: RefundInput): Promise<Answered<RefundFact>>;
  /** The channel promises that the same order sent again is answered like the first time. */
  repeats(account: Account, method: Method): boolean;
  /** The channel promises that a number is one refund, however often it is sent. */
  refundsOnce(account: Account): boolean;
  refundQuery(account: Account, input: RefundInput): Promise<Answered<RefundFact>>;
  /** Asks where the bill of a day is, and fetches it. The file is as the channel sent it: `bill-file.ts` reads it. */
  bill(account: Account, input: { readonly kind: BillKind; readonly biz_date: string }): Promise<BillAnswer>;
  /** Where a wallet's browser is sent to find out who pays by this method; undefined where the account cannot. */
  authorizeUrl(account: Account, method: Method, input: AuthorizeInput): string | undefined;
  /** Exchanges what the browser brought back for the payer. Only where `authorizeUrl` gave an address. */
  identify(account: Account, method: Method, query: Readonly<Record<string, string>>): Promise<Answered<PayerFact>>;
  /** Trades a code for the account's first key; only for a channel with `session`. What the gateway said holds the key, so it is not handed on. */
  openSession(account: Account, input: SessionCode): Promise<SessionFact>;
  /** Asks for the account's next key with the one in `account.session`. */
  renewSession(account: Account, input: SessionRenewal): Promise<SessionFact>;
  /** Verifies and reads what came to the account's notification URL. */
  readNotification(account: Account, message: InboundMessage): Promise<Notified>;
};

export type BillAnswer =
  | { readonly is: 'file'; readonly bytes: Buffer; readonly digest: BillDigest | undefined }
  | Exclude<BillLink, { is: 'link' | 'file' | 'unknown' }>
  | Unknown;

/** `exchange` is absent when no answer came or no call was needed. */
export type Answered<Fact> = { readonly fact: Fact; readonly exchange: Exchange | undefined };

/** `refused` messages changed nothing and are answered with `reply`; a `read` one is answered after its effect is committed. */
export type Notified =
  | { readonly is: 'read'; readonly notification: Notice; readonly exchange: Exchange; readonly reply: { readonly ok: Reply; readonly failed: Reply } }
  | { readonly is: 'refused'; readonly why: 'unverified' | 'unreadable'; readonly reply: Reply };

/** A `NotificationFact` whose facts are whole: what settles nothing has become an `unknown`. */
export type Notice =
  | { readonly about: 'payment'; readonly channel_order_no: string; readonly fact: PaymentFact }
  | { readonly about: 'refund'; readonly channel_order_no?: string; readonly channel_refund_no: string; readonly fact: RefundFact }
  | { readonly about: 'nothing'; readonly kind: string };

type ClientCtx = Pick<Ctx, 'clock' | 'rng' | 'http' | 'log' | 'metrics'>;
type Unknown = { readonly is: 'unknown'; readonly cause: UnknownCause; readonly detail?: string };
/** A fact of the channel, or our word that there is none. */
type Known<Fact> = Exclude<Fact, { is: 'unknown' }> | Unknown;
/** One call: `effect` is true when the channel changes something by it. */
type Task<Input, Fact> = {
  readonly name: string;
  readonly effect: boolean;
  readonly operation: Operation<unknown, Input, Fact>;
  readonly account: Account;
  readonly input: Input;
  readonly no?: string;
  /** For a call whose answer is as large as a file. */
  readonly limits?: Limits;
};
type Limits = { readonly deadline_ms: number; readonly answer_bytes_max: number };
const call_limits: Limits = { deadline_ms: channel_deadline_ms, answer_bytes_max: channel_answer_bytes_max };
const bill_limits: Limits = { deadline_ms: bill_deadline_ms, answer_bytes_max: bill_bytes_max };
type Conversation<Fact> = { readonly fact: Known<Fact>; readonly exchange?: Exchange; readonly status?: number; readonly sends: number };
/** An answer, and when it was asked for. */
type Heard = { readonly answer: WireAnswer; readonly asked_at: Date };
type Sent<Fact> =
  | ({ readonly is: 'answer' } & Heard)
  | { readonly is: 'local'; readonly settled: Settled<Fact> }
  | { readonly is: 'failed'; readonly cause: UnknownCause; readonly detail: string; readonly repeatable: boolean };

/** Sees each call that sends an order begin, and what it gave ends it. */
export type Observer = (account: Account, method: Method) => (fact: PayFact) => void;
const unseen: Observer = () => () => {};

export function createChannelClient(ctx: ClientCtx, channels: ReadonlyMap<string, Channel> = registered, observe: Observer = unseen): ChannelClient {
  const accounts = createBulkhead(channel_calls_per_account_max);
  const origins = createBulkhead(channel_calls_per_origin_max);
  const trust = createTrustStore(ctx.clock);

  async function call<Input, Fact extends { is: string }>(task: Task<Input, Fact>): Promise<{ fact: Known<Fact>; exchange: Exchange | undefined }> {
    const leave = accounts.enter(task.account.id);
    if (!leave) return record(task, ctx.clock.monotonic_ms(), { fact: unknown('not_sent', 'too many calls of this account are under way'), sends: 0 });
    const started_ms = ctx.clock.monotonic_ms();
    try {
      const deadline = startDeadline(ctx.clock, (task.limits ?? call_limits).deadline_ms);
      return record(task, started_ms, await converse(task, deadline, (answer) => isGenuine(task, answer, deadline)));
    } finally {
      leave();
    }
  }

  function record<Input, Fact extends { is: string }>(task: Task<Input, Fact>, started_ms: number, conversation: Conversation<Fact>) {
    const { fact, exchange, status, sends } = conversation;
    const duration_ms = ctx.clock.monotonic_ms() - started_ms;
    recordExchange(ctx, { account: task.account, operation: task.name, ...(task.no === undefined ? {} : { no: task.no }), status, sends, duration_ms, fact });
    return { fact, exchange };
  }

  /** Sends, repeats once where that is harmless, and reads the answer. */
  async function converse<Input, Fact extends { is: string }>(
    task: Task<Input, Fact>,
    deadline: Deadline,
    genuine: (answer: WireAnswer) => Promise<boolean>,
  ): Promise<Conversation<Fact>> {
    /** Why an earlier send is not settled although it may have arrived. */
    let lost: UnknownCause | undefined;
    for (let sends = 1; ; sends++) {
      const sent = await send(task, deadline);
      if (sent.is === 'local') return { fact: whole(sent.settled), sends: sends - 1 };
      if (sent.is === 'answer') {
        const fact = afterLoss(task, lost, await read(task, sent, genuine));
        return { fact, exchange: exchangeOf(sent.answer.body, ctx.clock.now()), status: sent.answer.status, sends };
      }
      const again = sent.repeatable && sends < channel_sends_max && deadline.remaining_ms() > 0;
      if (!again) return { fact: unknown(lost ?? sent.cause, sent.detail), sends };
      if (sent.cause !== 'not_sent') lost = sent.cause;
    }
  }

  /** One request, signed anew, so that its time and nonce are fresh. */
  async function send<Input, Fact>(task: Task<Input, Fact>, deadline: Deadline): Promise<Sent<Fact>> {
    const asked_at = ctx.clock.now();
    let request: WireRequest | Local<Settled<Fact>>;
    try {
      request = await resolve(task.operation.request(task.input, task.account, newEnv()));
    } catch (error) {
      recordThrow(ctx, task.account, `${task.name}.request`, error);
      return { is: 'failed', cause: 'not_sent', detail: 'the request could not be built', repeatable: false };
    }
    if ('local' in request) return { is: 'local', settled: request.local };
    const leave = origins.enter(request.origin);
    if (!leave) return { is: 'failed', cause: 'not_sent', detail: 'too many calls to this gateway are under way', repeatable: false };
    try {
      return { is: 'answer', asked_at, answer: await transmit(request, deadline, task.limits ?? call_limits) };
    } catch (error) {
      return failure(error, task.operation.retry);
    } finally {
      leave();
    }
  }

  function transmit({ origin, path, ...rest }: WireRequest, deadline: Deadline, { answer_bytes_max }: Limits): Promise<WireAnswer> {
    const deadline_ms = deadline.remaining_ms();
    if (deadline_ms <= 0) throw new EgressError('timeout', false, 'the deadline passed before the request was sent');
    return ctx.http.send({ policy: 'channel', url: origin + path, ...rest, deadline_ms, answer_bytes_max });
  }

  async function read<Input, Fact>(
    task: Task<Input, Fact>,
    { answer, asked_at }: Heard,
    genuine: (answer: WireAnswer) => Promise<boolean>,
  ): Promise<Known<Fact>> {
    if (!(await genuine(answer))) return unknown(unverifiedCause(answer.status));
    try {
      return whole(await resolve(task.operation.outcome(answer, task.input, task.account, { ...newEnv(), asked_at })));
    } catch (error) {
      recordThrow(ctx, task.account, `${task.name}.outcome`, error);
      return unknown('unreadable');
    }
  }

  function isGenuine<Input, Fact>({ operation, account, input }: Task<Input, Fact>, answer: WireAnswer, deadline: Deadline): Promise<boolean> {
    const env = newEnv();
    return trust.verify({ account, source: trustSource(account), deadline, check: (keys) => operation.verify(answer, account, keys, env, input) });
  }

  function trustSource(account: Account) {
    const declared = channelOf(account).trust;
    const probe = declared?.probe;
    return declared && { refresh_ms: declared.refresh_ms, fetch: fetchKeys(declared.fetch), probe: probe && askForKey(probe) };
  }

  /** Keys are fetched inside the deadline and the place of the call that needs them; their answer is verified with the keys held so far. */
  function fetchKeys(operation: Operation<unknown, TrustInput, TrustFact>): FetchKeys {
    return async (account, held, deadline, unknown_key) => {
      const started_ms = ctx.clock.monotonic_ms();
      const input: TrustInput = unknown_key === undefined ? {} : { unknown_key };
      const task: Task<TrustInput, TrustFact> = { name: 'trust', effect: false, operation, account, input };
      const genuine = (answer: WireAnswer) => Promise.resolve(judge((keys) => operation.verify(answer, account, keys, newEnv(), input), held) === 'valid');
      return record(task, started_ms, await converse(task, deadline, genuine)).fact;
    };
  }

  /** A file comes unsigned: that it is the gateway's is vouched for by the address, https and, where there is one, the digest. */
  async function bill(account: Account, { kind, biz_date }: { kind: BillKind; biz_date: string }): Promise<BillAnswer> {
    const declared = channelOf(account).bills?.[kind];
    assert(declared, `${account.channel} publishes ${kind} bills`);
    const { fact } = await call({
      name: `bill_${kind}`,
      effect: false,
      operation: declared.link,
      account,
      input: { biz_date },
      no: biz_date,
      limits: bill_limits,
    });
    if (fact.is === 'file') return { is: 'file', bytes: fact.bytes, digest: fact.digest };
    if (fact.is !== 'link') return fact;
    const { download } = declared;
    assert(download, 'who gives an address says how the file behind it is asked for');
    const started_ms = ctx.clock.monotonic_ms();
    const fetched = await fetchFile(() => download(fact.url, account, newEnv()));
    const duration_ms = ctx.clock.monotonic_ms() - started_ms;
    const told = { account, operation: `bill_${kind}_file`, no: biz_date, sends: 1, duration_ms };
    recordExchange(ctx, { ...told, status: fetched.is === 'file' ? 200 : undefined, fact: fetched.is === 'file' ? { is: 'file' } : fetched });
    return fetched.is === 'file' ? { ...fetched, digest: fact.digest } : fetched;
  }

  async function fetchFile(build: () => Step<WireRequest>): Promise<{ readonly is: 'file'; readonly bytes: Buffer } | Unknown> {
    try {
      const { origin, path, ...rest } = await resolve(build());
      const answer = await ctx.http.send({ policy: 'channel', url: origin + path, ...rest, ...bill_limits });
      return answer.status === 200
        ? { is: 'file', bytes: answer.body }
        : unknown(answer.status >= 500 ? 'server_error' : 'unlisted', `status ${answer.status}`);
    } catch (error) {
      if (error instanceof EgressError) return unknown(failure(error, 'never').cause, error.cause_kind);
      return unknown('not_sent', 'the request for the file could not be built');
    }
  }

  /** A call like any other: its answer is verified, and a key that it names is fetched. */
  function askForKey(operation: Operation<unknown, TrustInput, TrustFact>): Probe {
    return (account) => call({ name: 'trust_probe', effect: false, operation, account, input: {} });
  }

  async function readNotification(account: Account, message: InboundMessage): Promise<Notified> {
    const { notification } = channelOf(account);
    const deadline = startDeadline(ctx.clock, channel_deadline_ms);
    const env = newEnv();
    const check = (keys: Parameters<typeof notification.verify>[2]) => notification.verify(message, account, keys, env);
    if (!(await trust.verify({ account, source: trustSource(account), deadline, check }))) {
      recordNotification(ctx, account, 'unverified');
      return { is: 'refused', why: 'unverified', reply: notification.reply.failed };
    }
    try {
      const notice = wholeNotice(notification.read(message, account, newEnv()));
      recordNotification(ctx, account, notice.about, noticeNo(notice));
      const { ok, failed } = notification.reply;
      const reply = { ok: typeof ok === 'function' ? await resolve(ok(message, account, newEnv())) : ok, failed };
      return { is: 'read', notification: notice, exchange: exchangeOf(message.body, ctx.clock.now()), reply };
    } catch (error) {
      recordThrow(ctx, account, 'notification.read', error);
      recordNotification(ctx, account, 'unreadable');
      return { is: 'refused', why: 'unreadable', reply: notification.reply.failed };
    }
  }

  function channelOf(account: Account): Channel {
    const channel = channels.get(account.channel);
    assert(channel, `channel account ${account.id} names a registered channel`);
    return channel;
  }

  function sessionOf(account: Account): SessionRules<unknown> {
    const { session } = channelOf(account);
    assert(session, 'only an account of a channel that gives keys asks for one');
    return session;
  }

  const newEnv = (): Env => ({ now: ctx.clock.now(), nonce: randomHex(ctx.rng, 16) });

  return {
    async pay(account, input) {
      const operation = channelOf(account).pay[input.method];
      assert(operation, `${account.channel} takes ${input.method}`);
      const seen = observe(account, input.method);
      const answered = await call({ name: 'pay', effect: true, operation, account, input, no: input.channel_order_no });
      seen(answered.fact);
      return answered;
    },
    query: (account, input) => call({ name: 'query', effect: false, operation: channelOf(account).query, account, input, no: input.channel_order_no }),
    close: (account, input) => {
      const operation = channelOf(account).close;
      assert(operation, 'only a channel that closes is asked to');
      return call({ name: 'close', effect: true, operation, account, input, no: input.channel_order_no });
    },
    closes: (channel) => channels.get(channel)?.close !== undefined,
    bars: (account) => channelOf(account).bar !== undefined,
    bar: (account, input) => {
      const operation = channelOf(account).bar;
      assert(operation, 'only a channel that bars is asked to');
      return call({ name: 'bar', effect: true, operation, account, input, no: input.channel_order_no });
    },
    reverse: (account, input) => {
      const operation = channelOf(account).reverse;
      assert(operation, 'only orders of a channel that reverses are reversed');
      return call({ name: 'reverse', effect: true, operation, account, input, no: input.channel_order_no });
    },
    refund: (account, input) => call({ name: 'refund', effect: true, operation: channelOf(account).refund, account, input, no: input.channel_refund_no }),
    repeats: (account, method) => channelOf(account).pay[method]?.retry === 'same_key',
    refundsOnce: (account) => channelOf(account).refund.retry === 'same_key',
    refundQuery: (account, input) =>
      call({ name: 'refund_query', effect: false, operation: channelOf(account).refundQuery, account, input, no: input.channel_refund_no }),
    bill,
    authorizeUrl: (account, method, input) => channelOf(account).identify?.[method]?.authorizeUrl(input, account.config),
    identify(account, method, query) {
      const identify = channelOf(account).identify?.[method];
      assert(identify, 'only a channel that sent the browser away is asked who came back');
      const code = identify.codeOf(query);
      if (code === undefined) return Promise.resolve({ fact: { is: 'refused', why: 'code', channel_code: 'HELIU_NO_CODE' }, exchange: undefined });
      return call({ name: 'identify', effect: false, operation: identify.exchange, account, input: { code } });
    },
    openSession: async (account, input) => (await call({ name: 'session_open', effect: true, operation: sessionOf(account).open, account, input })).fact,
    renewSession: async (account, input) => (await call({ name: 'session_renew', effect: true, operation: sessionOf(account).renew, account, input })).fact,
    readNotification,
  };
}

function unknown(cause: UnknownCause, detail?: string): Unknown {
  return { is: 'unknown', cause, ...(detail === undefined ? {} : { detail: detail.slice(0, channel_detail_length_max) }) };
}

/** Turns an adapter's "this settles nothing" into the unknown that it is. */
function whole<Fact>(settled: Settled<Fact>): Known<Fact> {
  return isAsk(settled) ? unknown(settled.why, settled.detail) : (settled as Exclude<Fact, { is: 'unknown' }>);
}

const isAsk = (settled: unknown): settled is Ask => typeof settled === 'object' && settled !== null && 'is' in settled && settled.is === 'ask';

function wholeNotice(read: NotificationFact): Notice {
  if (read.about === 'payment') return { ...read, fact: whole<PaymentFact>(read.fact) };
  if (read.about === 'refund') return { ...read, fact: whole<RefundFact>(read.fact) };
  return read;
}

function noticeNo(notice: Notice): string | undefined {
  if (notice.about === 'payment') return notice.channel_order_no;
  return notice.about === 'refund' ? notice.channel_refund_no : undefined;
}

/**
 * A no to the repeat says nothing of a first send that may have arrived: "the payment code was used" and "nothing left
 * to refund" are what a channel answers when the first one worked.
 */
function afterLoss<Input, Fact extends { is: string }>(task: Task<Input, Fact>, lost: UnknownCause | undefined, fact: Known<Fact>): Known<Fact> {
  return lost !== undefined && task.effect && fact.is === 'refused' ? unknown(lost, 'the repeat was refused') : fact;
}

/** Proxies answer 5xx and 429 without a signature; anything else unsigned may be somebody else's word. */
function unverifiedCause(status: number): UnknownCause {
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'server_error' : 'unverified';
}

/** What a failed send leaves open. A request that left is repeated only where the channel takes it as the same one. */
function failure(error: unknown, retry: 'never' | 'same_key'): { is: 'failed'; cause: UnknownCause; detail: string; repeatable: boolean } {
  if (!(error instanceof EgressError)) return { is: 'failed', cause: 'connection_lost', detail: 'the connection failed', repeatable: false };
  const { cause_kind, sent } = error;
  if (!sent) return { is: 'failed', cause: 'not_sent', detail: cause_kind, repeatable: cause_kind === 'not_connected' || cause_kind === 'connection_lost' };
  if (cause_kind === 'timeout') return { is: 'failed', cause: 'timeout', detail: cause_kind, repeatable: false };
  if (cause_kind === 'answer_too_large') return { is: 'failed', cause: 'unreadable', detail: cause_kind, repeatable: false };
  return { is: 'failed', cause: 'connection_lost', detail: cause_kind, repeatable: retry === 'same_key' };
}

/** Signs off the main thread, so that an RSA signature of a third of a millisecond does not hold up other payments. */
async function resolve<T>(step: Step<T>): Promise<T> {
  if (!isSignable(step)) return step;
  const { message, key, digest } = step.sign;
  return step.then(await signBase64(digest, message, key));
}

function signBase64(digest: string, message: string, key: KeyObject): Promise<string> {
  return new Promise((done, fail) => {
    sign(digest, Buffer.from(message), key, (error, signature) => (error ? fail(error) : done(signature.toString('base64'))));
  });
}
