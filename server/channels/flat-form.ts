import type { Fields } from './flat-xml.ts';

/** Several gateways tell of payments by a form, and sign `name=value&…` of its values as they are once decoded. */

/** Parameters of one message: real ones have some twenty. */
const parameters_max = 200;

/** Reads such a form. A parameter that comes twice, or whose name is none, is refused: two readers could take different ones. */
export function parseFlatForm(body: Buffer): Fields {
  const pairs = [...new URLSearchParams(body.toString('utf8'))];
  if (pairs.length > parameters_max) throw new Error('the form has too many parameters');
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) {
    if (!/^\w+$/.test(name)) throw new Error('the form names no parameter');
    if (name in fields) throw new Error('the form repeats a parameter');
    fields[name] = value;
  }
  return fields;
}

/**
 * Refuses a value in which another field seems to begin. The text that is signed is the same for `body` of `x&amount=1` as for
 * `body` of `x` and an `amount`, so whoever chooses a text of an order and sees the signed page that the payer comes back by
 * could cut another message out of it. What is refused here is found by a query.
 */
export function assertOneReading(fields: Fields): void {
  if (Object.values(fields).some((value) => /&\w+=/.test(value))) throw new Error('a value could be read as several fields');
}

/** Reads a form whose signature covers `name=value&…`. */
export function parseSignedForm(body: Buffer): Fields {
  const fields = parseFlatForm(body);
  assertOneReading(fields);
  return fields;
}
