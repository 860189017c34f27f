import type { TObject } from 'typebox';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** No sign, no leading zero, no space: the one spelling of an integer. Fifteen digits stay below 2^53. */
const integer_form = /^(?:0|[1-9]\d{0,14})$/;

/**
 * Reads the query of a request target. Values stay text, but those that the schema declares as integers and that are spelt
 * as integers become numbers; the schema judges the rest. A name that comes twice is refused: one reader would take the
 * first, another the last.
 */
export function readQuery(schema: TObject | undefined, target: string): { readonly value: Record<string, unknown> } | Refusal {
  const value: Record<string, unknown> = Object.create(null);
  const start = target.indexOf('?');
  if (start < 0) return { value };
  for (const [name, text] of new URLSearchParams(target.slice(start + 1))) {
    if (name in value) return refuse('parameter_invalid', name, { expected: 'to be given once', expected_zh: '只能出现一次' });
    const is_integer = schema?.properties[name] !== undefined && Object.hasOwn(schema.properties, name) && isIntegerSchema(schema.properties[name]);
    value[name] = is_integer && integer_form.test(text) ? Number(text) : text;
  }
  return { value };
}

const isIntegerSchema = (schema: object): boolean => 'type' in schema && schema.type === 'integer';
