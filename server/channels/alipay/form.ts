/**
 * Reading `application/x-www-form-urlencoded` the way Alipay signs it: every value is decoded exactly once, in the
 * message's own charset. Texts are kept as bytes (one character per byte) until the charset is known, so that a GBK
 * message is verified over the very bytes that were signed.
 */
export type Form = ReadonlyMap<string, string>;

/** Parameters of one message: a real notification has about 30. */
const parameters_max = 200;

/** Everything but letters of other alphabets: those are percent-encoded. */
const ascii = /^\p{ASCII}*$/u;

/** Undefined when the text is malformed or names a parameter twice: two readers could take different ones of the two. */
export function readForm(raw: Buffer): Form | undefined {
  const text = raw.toString('latin1');
  if (!ascii.test(text)) return undefined;
  const form = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeBytes(equals < 0 ? pair : pair.slice(0, equals));
    const value = decodeBytes(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined || form.has(name) || form.size >= parameters_max) return undefined;
    form.set(name, value);
  }
  return form;
}

const percent = '%'.charCodeAt(0);

function decodeBytes(text: string): string | undefined {
  const spaced = text.replaceAll('+', ' ');
  if (/%(?![0-9A-Fa-f]{2})/.test(spaced)) return undefined;
  if (!spaced.includes('%')) return spaced;
  const bytes = Buffer.from(spaced, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const escaped = bytes[at] === percent;
    bytes[length++] = escaped ? Number.parseInt(spaced.slice(at + 1, at + 3), 16) : (bytes[at] as number);
    if (escaped) at += 2;
  }
  return bytes.toString('latin1', 0, length);
}

export type Charset = 'utf-8' | 'gbk';

/** The charsets that the gateway knows, in any case; undefined for others. */
export function charsetOf(name: string | undefined): Charset | undefined {
  switch (name?.toLowerCase()) {
    case 'utf-8':
    case 'utf8':
      return 'utf-8';
    case 'gbk':
    case 'gb2312':
    case 'gb18030':
      return 'gbk';
    default:
      return undefined;
  }
}

/** The form's texts; undefined when a byte is not of the charset. */
export function decodeForm(form: Form, charset: Charset): Map<string, string> | undefined {
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  const texts = new Map<string, string>();
  try {
    for (const [name, value] of form) texts.set(decoder.decode(Buffer.from(name, 'latin1')), decoder.decode(Buffer.from(value, 'latin1')));
  } catch {
    return undefined;
  }
  return texts;
}
