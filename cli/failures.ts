import { errorText } from '@heliu/contract';
import { HeliuConnectionError, HeliuError } from '@heliu/sdk';
import { RefusalError } from '@heliu/server/kernel/refusal.ts';
import { ConfigError } from '@heliu/server/platform/config.ts';
import { VaultError } from '@heliu/server/platform/vault/vault.ts';
import { CommanderError } from 'commander';
import { printable } from './output.ts';
import type { Say } from './words.ts';

/** The command was used wrongly; the text says how to use it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** There is no database yet where the configuration says that it is. */
export class NoDatabaseError extends Error {
  override readonly name = 'NoDatabaseError';
}

/** What a command ends with. Scripts may rely on these. */
export const exit_codes = {
  ok: 0,
  /** Nothing that was foreseen: a bug, or a database that cannot be reached. */
  unexpected: 1,
  usage: 2,
  /** Heliu said no. */
  refused: 3,
  /** There was no answer: whether it took effect is not known. */
  unknown: 4,
  configuration: 5,
} as const;

export type Failure = {
  readonly exit_code: number;
  /** For people. */
  readonly text: string;
  /** For programs; the same in every language. */
  readonly json: { readonly code: string; readonly message: string; readonly param?: string; readonly request_id?: string; readonly idempotency_key?: string };
};

export function describeFailure(error: unknown, say: Say): Failure {
  if (error instanceof RefusalError) return describeRefusal(error, say);
  if (error instanceof HeliuError) return describeAnswer(error, say);
  if (error instanceof HeliuConnectionError) return describeSilence(error, say);
  if (error instanceof ConfigError || error instanceof NoDatabaseError || error instanceof VaultError)
    return plain(exit_codes.configuration, 'configuration', error.message);
  if (error instanceof UsageError) return plain(exit_codes.usage, 'usage', error.message);
  if (error instanceof CommanderError) return plain(exit_codes.usage, 'usage', say(error.message, `命令行有误：${error.message.replace(/^error: /, '')}`));
  const { message, code } = error as { readonly message?: string; readonly code?: string };
  return plain(exit_codes.unexpected, 'unexpected', say('This was not foreseen: ', '未预期的错误：') + (message || code || String(error)));
}

function describeRefusal({ refusal }: RefusalError, say: Say): Failure {
  const { message, message_zh } = errorText(refusal.refused, refusal.facts);
  const text = `${refusal.param === undefined ? '' : `${refusal.param}: `}${say(message, message_zh)} (${refusal.refused})`;
  return { exit_code: exit_codes.refused, text, json: { code: refusal.refused, message, ...(refusal.param === undefined ? {} : { param: refusal.param }) } };
}

function describeAnswer(error: HeliuError, say: Say): Failure {
  const { code, param, requestId, message, messageZh } = error;
  const request = requestId === undefined ? '' : `, ${say('request', '请求')} ${requestId}`;
  const text = say(message, `${param === undefined ? '' : `${param}: `}${messageZh} (${code}${request})`);
  return {
    exit_code: exit_codes.refused,
    text: printable(text),
    json: { code, message, ...(param === undefined ? {} : { param }), ...(requestId === undefined ? {} : { request_id: requestId }) },
  };
}

/** A write that got no answer may have taken effect: the way to find out is told with it. */
function describeSilence({ message, idempotencyKey }: HeliuConnectionError, say: Say): Failure {
  const repeat =
    idempotencyKey === undefined
      ? ''
      : say(
          `\nWhether it took effect is not known. Repeat it with --idempotency-key ${idempotencyKey}`,
          `\n是否已生效尚不确定。请以 --idempotency-key ${idempotencyKey} 重试`,
        );
  const text = say(message, `没有收到应答：${message}`) + repeat;
  return {
    exit_code: exit_codes.unknown,
    text,
    json: { code: 'no_answer', message, ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }) },
  };
}

const plain = (exit_code: number, code: string, text: string): Failure => ({ exit_code, text, json: { code, message: text } });
