/** Time is passed in. `Clock` is the port; the rest is pure arithmetic on instants. */
export type Clock = {
  /** Wall clock, for what is stored and signed. */
  now(): Date;
  /** Milliseconds that only grow, for durations. */
  monotonic_ms(): number;
  /** Resolves after the time has passed or the signal was aborted (it then resolves early, it never rejects); 0 lets whatever else is ready go first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const addMs = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

const shanghai_offset_ms = 8 * 3_600_000;
const pad = (value: number, length = 2) => String(value).padStart(length, '0');

/** Parts of an instant as a clock in Asia/Shanghai shows it (UTC+8 the whole year since 1991). */
function shanghaiParts(at: Date) {
  const local = new Date(at.getTime() + shanghai_offset_ms);
  return {
    date: `${local.getUTCFullYear()}-${pad(local.getUTCMonth() + 1)}-${pad(local.getUTCDate())}`,
    time: `${pad(local.getUTCHours())}:${pad(local.getUTCMinutes())}:${pad(local.getUTCSeconds())}`,
  };
}

/** `2026-11-21T10:34:56+08:00` */
export function formatShanghaiRfc3339(at: Date): string {
  const { date, time } = shanghaiParts(at);
  return `${date}T${time}+08:00`;
}

/** `2026-11-21 10:34:56` */
export function formatShanghai(at: Date): string {
  const { date, time } = shanghaiParts(at);
  return `${date} ${time}`;
}

/** `20261121103456` */
export const formatShanghaiCompact = (at: Date): string => formatShanghai(at).replace(/\D/g, '');

/** Business day in Asia/Shanghai: `2026-11-21`. */
export const bizDate = (at: Date): string => shanghaiParts(at).date;

/** Reads `2026-11-21 10:34:56` (Beijing time). Undefined when it is not such a text. */
export function parseShanghai(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?$/.test(text)) return undefined;
  return validDate(`${text.replace(' ', 'T')}+08:00`);
}

/** Reads `20261121103456` (Beijing time). */
export function parseShanghaiCompact(text: string): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (!match) return undefined;
  const [, y, mo, d, h, mi, s] = match;
  return validDate(`${y}-${mo}-${d}T${h}:${mi}:${s}+08:00`);
}

/** Reads RFC 3339 with an offset. */
export function parseRfc3339(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i.test(text)) return undefined;
  return validDate(text);
}

function validDate(text: string): Date | undefined {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at;
}
