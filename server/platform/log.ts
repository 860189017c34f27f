import { destination, type Logger, pino } from 'pino';
import type { Clock } from '../kernel/time.ts';

/** Structured log, one line per request at info. Fields are chosen at the call: never whole bodies, headers or configs. */
export type Log = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
};
export type LogFields = { readonly [name: string]: string | number | boolean | null | undefined | Error };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
/** Where lines go; a test gives its own. */
export type LogSink = { write(line: string): void };

/**
 * A log of JSON lines. Nothing is searched for secrets and blacked out: what may be logged is a flat list of plain
 * values, so an object with a key, a body or a row in it has no way in, whatever its type says.
 */
export function createLog(level: LogLevel, clock: Clock, sink: LogSink = destination({ fd: 1, sync: true })): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: () => `,"time":"${clock.now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // The fields are plain already; pino's own treatment of errors would print every property of them.
      serializers: { error: (value: unknown) => value },
    },
    sink,
  );
  return overPino(logger);
}

function overPino(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.isLevelEnabled('debug') && logger.debug(plain(fields), message),
    info: (fields, message) => logger.isLevelEnabled('info') && logger.info(plain(fields), message),
    warn: (fields, message) => logger.isLevelEnabled('warn') && logger.warn(plain(fields), message),
    error: (fields, message) => logger.isLevelEnabled('error') && logger.error(plain(fields), message),
    child: (fields) => overPino(logger.child(plain(fields))),
  };
}

/** Text that a caller may have passed on from outside is cut, so that one line cannot fill a disk. */
const text_length_max = 2000;
/** How far an error's causes are followed: real chains are two or three deep. */
const causes_max = 5;

function plain(fields: LogFields): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) out[name] = plainValue(value);
  return out;
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return describeError(value, 0);
  return '[not a plain value: not logged]';
}

/**
 * Of an error only what a program wrote: name, message, stack, code, and a database error's constraint and table. Not its
 * other properties: `detail` of a database error holds the values of a row, an HTTP error may hold headers.
 */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = { name: error.name, message: cut(error.message), stack: cut(error.stack ?? '') };
  for (const key of ['code', 'constraint', 'table', 'routine'] as const) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === 'string') out[key] = cut(value);
  }
  if (error.cause instanceof Error && depth < causes_max) out.cause = describeError(error.cause, depth + 1);
  return out;
}

const cut = (text: string): string => (text.length > text_length_max ? `${text.slice(0, text_length_max)}… (${text.length} characters)` : text);
