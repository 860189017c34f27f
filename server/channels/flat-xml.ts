import { XMLParser } from 'fast-xml-parser';

/** Several gateways speak flat XML and sign its fields. Values are texts, exactly as they stand in the message. */
export type Fields = Readonly<Record<string, string>>;

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
});

/**
 * Reads one flat element of that name. A DOCTYPE or ENTITY is refused before anything is parsed: the 2018 attack on
 * merchants came through entities, and signatures do not help because parsing comes first. A repeated element is refused
 * because two readers could take different ones.
 */
export function parseFlatXml(text: string, name = 'xml'): Fields {
  const root = rootOf(text, name);
  const fields: Record<string, string> = Object.create(null);
  for (const [field, value] of Object.entries(root)) {
    if (typeof value !== 'string') {
      if (field === '#text') continue;
      throw new Error('the XML repeats or nests an element');
    }
    if (field !== '#text') fields[field] = value;
    else if (value.trim() !== '') throw new Error('the XML has text outside its elements');
  }
  return fields;
}

/**
 * Reads one element of that name whose members may have members of their own: those are named `outer.inner`, and what lies
 * deeper is left out. Refuses what `parseFlatXml` refuses. Texts are read with the five entities of XML.
 */
export function parseShallowXml(text: string, name: string): Fields {
  const root = rootOf(text, name);
  const fields: Record<string, string> = Object.create(null);
  for (const [field, value] of Object.entries(root)) {
    if (typeof value === 'string' && field !== '#text') fields[field] = withEntities(value);
    if (Array.isArray(value)) throw new Error('the XML repeats an element');
    if (!isObject(value)) continue;
    for (const [inner, text_inside] of Object.entries(value)) if (typeof text_inside === 'string') fields[`${field}.${inner}`] = withEntities(text_inside);
  }
  return fields;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const withEntities = (text: string): string => text.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? '');

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function rootOf(text: string, name: string): Record<string, unknown> {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new Error('the XML declares a document type');
  const document: unknown = parser.parse(text, true);
  const root = isObject(document) ? document[name] : undefined;
  if (!isObject(document) || Object.keys(document).length !== 1 || !isObject(root)) throw new Error(`the XML is not one flat <${name}> element`);
  return root;
}

/** Writes a flat message; every value stands in CDATA, so nothing in it is markup. */
export function buildFlatXml(fields: Fields, name = 'xml'): string {
  const elements = Object.entries(fields).map(([field, value]) => `<${field}><![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]></${field}>`);
  return `<${name}>${elements.join('')}</${name}>`;
}

/** Every non-empty field but `sign`, sorted by name as bytes, joined as `k=v&…`: what most of these gateways sign. */
export function sortedFields(fields: Fields, without: readonly string[] = ['sign']): string {
  const names = Object.keys(fields).filter((name) => !without.includes(name) && fields[name] !== '');
  return names
    .sort(byBytes)
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
}

/** Code unit order equals byte order for the ASCII names of the protocols. */
export const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
