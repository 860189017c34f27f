import type { Fields } from './sign.ts';

/** Fields of one message: a real one has about 30. */
const fields_max = 200;
const brackets: Readonly<Record<string, string>> = { '{': '}', '[': ']' };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * An answer is `name=value` joined with `&` and **not** URL-encoded: Base64 keeps its `+ / =`, a certificate its line ends. Within
 * one level of `{…}` or `[…]` an `&` belongs to the value. Undefined when it is no such text or names a field twice.
 */
export function parseAnswer(body: Buffer): Fields | undefined {
  const text = decode(body);
  if (text === undefined) return undefined;
  const fields = new Map<string, string>();
  let from = 0;
  let closing: string | undefined;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (character !== undefined && closing !== undefined) {
      if (character === closing) closing = undefined;
      continue;
    }
    if (character !== undefined && brackets[character] !== undefined) closing = brackets[character];
    if (character !== undefined && character !== '&') continue;
    if (!put(fields, text.slice(from, at))) return undefined;
    from = at + 1;
  }
  return fields;
}

/** A notification is the same as a browser's form: every name and value URL-encoded. */
export function parseForm(body: Buffer): Fields | undefined {
  const text = decode(body);
  if (text === undefined || !/^\p{ASCII}*$/u.test(text)) return undefined;
  const fields = new Map<string, string>();
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    try {
      const plain = pair.replaceAll('+', ' ');
      if (equals < 1 || !putField(fields, decodeURIComponent(plain.slice(0, equals)), decodeURIComponent(plain.slice(equals + 1)))) return undefined;
    } catch {
      return undefined;
    }
  }
  return fields;
}

export const encodeForm = (fields: Fields): string => new URLSearchParams([...fields]).toString();

/** As the gateway writes an answer. */
export const writeAnswer = (fields: Fields): string => [...fields].map(([name, value]) => `${name}=${value}`).join('&');

function put(fields: Map<string, string>, pair: string): boolean {
  const equals = pair.indexOf('=');
  return equals > 0 && putField(fields, pair.slice(0, equals), pair.slice(equals + 1));
}

/** Two readers could take different ones of two fields of a name. */
function putField(fields: Map<string, string>, name: string, value: string): boolean {
  if (fields.has(name) || fields.size >= fields_max) return false;
  fields.set(name, value);
  return true;
}

function decode(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}
