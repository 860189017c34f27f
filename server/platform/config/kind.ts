import { isIP } from 'node:net';
import { Secret } from '../../kernel/secret.ts';

/**
 * How a setting is read, from the text of the environment or from the JSON value of the file. Returns the value, or says in
 * words that follow the setting's name what is wrong; a secret is never repeated in them.
 */
export type Kind<T> = { readonly format: string; readonly read: (raw: unknown) => Read<T> };
export type Read<T> = { readonly value: T } | { readonly problem: string };

const ok = <T>(value: T): Read<T> => ({ value });
const problem = (text: string): { readonly problem: string } => ({ problem: text });
/** Something a person can find again in what they wrote, and no more of it. */
const shown = (raw: unknown): string => JSON.stringify(raw)?.slice(0, 60) ?? 'nothing';

/** One of the words. */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  return {
    format: words.map((word) => `\`${word}\``).join(' '),
    read: (raw) => {
      const word = words.find((item) => item === raw);
      return word === undefined ? problem(`is ${shown(raw)}; it takes one of ${words.join(', ')}`) : ok(word);
    },
  };
}

/** A whole number within its limits. */
export function integer(min: number, max: number): Kind<number> {
  return {
    format: `${min}–${max}`,
    read: (raw) => {
      const value = typeof raw === 'string' && /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
        return problem(`is ${shown(raw)}; it takes a whole number from ${min} to ${max}`);
      return ok(value);
    },
  };
}

export const flag: Kind<boolean> = {
  format: '`true` `false`',
  read: (raw) => {
    if (raw === true || raw === 'true') return ok(true);
    if (raw === false || raw === 'false') return ok(false);
    return problem(`is ${shown(raw)}; it takes true or false`);
  },
};

/** A text that is not empty. */
export const text: Kind<string> = {
  format: 'text',
  read: (raw) => (typeof raw === 'string' && raw.trim() !== '' ? ok(raw.trim()) : problem(`is ${shown(raw)}; it takes a text`)),
};

/** An http or https address without query, with no slash at its end. */
export const webAddress: Kind<string> = {
  format: 'URL',
  read: (raw) => {
    const url = typeof raw === 'string' && URL.canParse(raw) ? new URL(raw) : undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
      return problem(`is ${shown(raw)}; it takes an address such as https://pay.example.com, without user, query or fragment`);
    return ok(url.href.replace(/\/+$/, ''));
  },
};

/** The address of a PostgreSQL database, which holds a password. */
export const databaseAddress: Kind<Secret> = {
  format: '`postgresql://user:password@host:5432/database`',
  read: (raw) => {
    const url = typeof raw === 'string' && URL.canParse(raw) ? new URL(raw) : undefined;
    if (!url || !/^postgres(ql)?:$/.test(url.protocol)) return problem('is not an address such as postgresql://user:password@host:5432/heliu');
    return ok(new Secret(raw as string));
  },
};

/** Addresses and ranges: `10.0.0.0/8`, `::1/128`, `192.0.2.7`. */
export const ranges: Kind<readonly string[]> = list('CIDR, CIDR …', (item) => {
  const [address = '', bits, ...rest] = item.split('/');
  const family = isIP(address);
  const bits_max = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0) return problem(`holds ${shown(item)}; it takes ranges such as 10.0.0.0/8`);
  if (bits === undefined) return ok([`${address}/${bits_max}`]);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bits_max ? ok([item]) : problem(`holds ${shown(item)}; the part behind the slash is 0 to ${bits_max}`);
});

/** Ports and spans of ports: `443`, `8000-8999`. */
export const ports: Kind<readonly number[]> = list('`443, 8000-8999`', (item) => {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first < 1 || last > 65_535 || first > last) return problem(`holds ${shown(item)}; it takes ports from 1 to 65535 such as 443 or 8000-8999`);
  return ok(Array.from({ length: last - first + 1 }, (_, index) => first + index));
});

/** Texts parted by commas in the environment, an array in the file; each item may stand for several values. */
function list<T>(format: string, readItem: (item: string) => Read<readonly T[]>): Kind<readonly T[]> {
  return {
    format,
    read: (raw) => {
      const items: unknown = typeof raw === 'string' ? raw.split(',').map((item) => item.trim()) : raw;
      if (!Array.isArray(items)) return problem(`is ${shown(raw)}; it takes a list`);
      const values: T[] = [];
      for (const item of items) {
        if (item === '') continue;
        const read = readItem(String(item));
        if ('problem' in read) return read;
        for (const value of read.value) values.push(value);
      }
      return ok(values);
    },
  };
}
