import type { Ctx } from '../platform/ctx.ts';
import type { Account } from './define.ts';

/** What may be said of a call: numbers and names of ours, never bodies, headers, payment codes or identities. */
export type ExchangeEntry = {
  readonly account: Account;
  readonly operation: string;
  /** Our own number of the order or refund. */
  readonly no?: string;
  readonly status?: number | undefined;
  readonly sends: number;
  readonly duration_ms: number;
  readonly fact: { readonly is: string; readonly cause?: string; readonly channel_code?: string };
};

/** One line and two metrics per call. Unverified answers are said aloud: somebody may stand in the middle. */
export function recordExchange(ctx: Pick<Ctx, 'log' | 'metrics'>, entry: ExchangeEntry): void {
  const { account, operation, fact } = entry;
  const outcome = fact.is === 'unknown' ? `unknown_${fact.cause}` : fact.is;
  ctx.metrics.count('heliu_channel_calls_total', { channel: account.channel, operation, outcome });
  ctx.metrics.observe('heliu_channel_call_seconds', entry.duration_ms / 1000, { channel: account.channel, operation });
  const say = fact.cause === 'unverified' ? ctx.log.warn : ctx.log.debug;
  say.call(
    ctx.log,
    {
      channel: account.channel,
      operation,
      channel_account_id: account.id,
      account_version: account.version,
      no: entry.no,
      status: entry.status,
      sends: entry.sends,
      duration_ms: Math.round(entry.duration_ms),
      outcome,
      channel_code: fact.channel_code?.slice(0, 64),
    },
    'channel call',
  );
}

/** The same for a message that came in. */
export function recordNotification(ctx: Pick<Ctx, 'log' | 'metrics'>, account: Account, result: string, no?: string): void {
  ctx.metrics.count('heliu_channel_notifications_total', { channel: account.channel, result });
  const say = result === 'unverified' ? ctx.log.warn : ctx.log.debug;
  say.call(ctx.log, { channel: account.channel, channel_account_id: account.id, account_version: account.version, no, result }, 'channel notification');
}

/** A line that V8 wrote: places of modules are URLs, and paths where a source map tells them. */
const stack_frame = /^ {4}at ((?:[\w.$<> [\]]+\]? \()?(?:file:|node:|\/|[A-Za-z]:[\\/])[^\s()]{1,200}:\d+:\d+\)?)$/m;

/** An adapter that threw: which error and where, without its message, which may quote what the channel sent. */
export function recordThrow(ctx: Pick<Ctx, 'log'>, account: Account, operation: string, error: unknown): void {
  const frame = error instanceof Error ? stack_frame.exec(framesOf(error))?.[1] : undefined;
  const name = error instanceof Error ? error.name : typeof error;
  ctx.log.error({ channel: account.channel, operation, channel_account_id: account.id, thrown: name, at: frame }, 'a channel adapter threw');
}

/** The stack without the message that it begins with, which may have lines that look like its own. */
function framesOf({ stack = '', message }: Error): string {
  const said = stack.indexOf(message);
  return said < 0 ? '' : stack.slice(said + message.length);
}
