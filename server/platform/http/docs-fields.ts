import { type Html, html } from './html.ts';

/** As much of JSON Schema as the contract uses. */
type Schema = {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
};

/** A table of the fields of an object schema, those of inner objects under `outer.inner`. */
export function fieldTable(
  schema: object,
  words: { readonly field: string; readonly type: string; readonly meaning: string; readonly required: string },
): Html {
  const rows = fieldRows(schema as Schema, '', 0);
  return html`<div class="wide"><table><thead><tr><th>${words.field}</th><th>${words.type}</th><th>${words.meaning}</th></tr></thead><tbody>${rows.map(
    (row) =>
      html`<tr><td><code>${row.name}</code>${row.required && html` <span class="soft">${words.required}</span>`}</td><td>${row.type}</td><td>${withCode(row.description)}</td></tr>`,
  )}</tbody></table></div>`;
}

/** Names between backticks stand as code. */
const withCode = (text: string): Html[] => text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));

type Row = { readonly name: string; readonly required: boolean; readonly type: string; readonly description: string };

/** The page of a list holds objects that are described where they are created: no deeper than this. */
const depth_max = 3;

function fieldRows(schema: Schema, prefix: string, depth: number): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const inner = objectsOf(property);
    const path = `${prefix}${name}`;
    const row = {
      name: path,
      required: schema.required?.includes(name) ?? false,
      type: typeOf(property),
      description: property.description ?? inner[0]?.description ?? '',
    };
    return depth >= depth_max ? [row] : [row, ...inner.flatMap((object) => fieldRows(object, `${path}.`, depth + 1))];
  });
}

/** The object schemas that a value may have; of a list, those of its items. */
function objectsOf(schema: Schema): Schema[] {
  if (schema.properties) return [schema];
  if (schema.items) return objectsOf(schema.items);
  return (schema.anyOf ?? []).flatMap(objectsOf);
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.items) return `${typeOf(schema.items)}[]`;
  if (schema.type) return schema.format ? `${schema.type} (${schema.format})` : schema.type;
  return [...new Set((schema.anyOf ?? []).map(typeOf))].join(' | ');
}
