/** TypeScript from JSON Schema, for the few forms that the contract uses. Pure. */

export type Schema = { readonly [keyword: string]: unknown };

/** Names that stand for a schema wherever it appears: by identity, or for enumerations by their values. */
export type Names = { readonly schemas: ReadonlyMap<object, string>; readonly enums: ReadonlyMap<string, string> };

export const enumKey = (values: readonly unknown[]): string => JSON.stringify(values);

/** `export type Payment = { … };` with the description as its comment. */
export function declaration(name: string, schema: Schema, names: Names): string {
  return `${comment(schema, '')}export type ${name} = ${definition(schema, names, '')};\n`;
}

/** The type at a place: a name where there is one. */
export function typeOf(schema: Schema, names: Names, indent: string): string {
  return names.schemas.get(schema) ?? definition(schema, names, indent);
}

function definition(schema: Schema, names: Names, indent: string): string {
  if ('const' in schema) return literal(schema.const);
  if (Array.isArray(schema.enum)) return names.enums.get(enumKey(schema.enum)) ?? schema.enum.map(literal).join(' | ');
  // A string may have alternatives of form (`anyOf` of formats); it stays a string.
  if (schema.type === undefined && Array.isArray(schema.anyOf)) return schema.anyOf.map((member) => typeOf(member, names, indent)).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'integer':
      return 'number';
    case 'array':
      return arrayOf(typeOf(schema.items as Schema, names, indent));
    case 'object':
      return objectOf(schema, names, indent);
    default:
      throw new Error(`the generator does not know this schema: ${JSON.stringify(schema)}`);
  }
}

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));
const arrayOf = (item: string): string => (item.includes(' ') ? `(${item})[]` : `${item}[]`);

function objectOf(schema: Schema, names: Names, indent: string): string {
  if (schema.patternProperties) return `Record<string, ${typeOf(Object.values(schema.patternProperties)[0] as Schema, names, indent)}>`;
  const required = new Set(schema.required as string[] | undefined);
  const inner = `${indent}  `;
  const members = Object.entries(schema.properties as Record<string, Schema>).map(
    ([name, member]) => `${comment(member, inner)}${inner}${name}${required.has(name) ? '' : '?'}: ${typeOf(member, names, inner)};\n`,
  );
  return members.length === 0 ? 'Record<string, never>' : `{\n${members.join('')}${indent}}`;
}

/** The description of a union is often on its first member: `nullable(text)`. */
function comment(schema: Schema, indent: string): string {
  const text = schema.description ?? (Array.isArray(schema.anyOf) ? schema.anyOf[0].description : undefined);
  return typeof text === 'string' ? docComment([text], indent) : '';
}

/** One line, or a block. Nothing in a text can end the comment. */
export function docComment(lines: readonly string[], indent: string): string {
  const safe = lines.map((line) => line.replaceAll('*/', '*\\/'));
  return safe.length === 1
    ? `${indent}/** ${safe[0]} */\n`
    : `${indent}/**\n${safe.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('')}${indent} */\n`;
}
