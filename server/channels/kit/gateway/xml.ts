/** Flat XML of APIv2, read by a tokenizer that knows nothing of entities or document types. */

/** Fields by name, or undefined when it is not such a message. */
export function readXml(text: string): Map<string, string> | undefined {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return undefined;
  const body = /^\s*(?:<\?xml[^>]*\?>)?\s*<xml>([\s\S]*)<\/xml>\s*$/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const fields = new Map<string, string>();
  const element = /\s*<(\w+)>((?:<!\[CDATA\[[\s\S]*?\]\]>|[^<])*)<\/\1>\s*|\s*<(\w+)\s*\/>\s*/y;
  while (element.lastIndex < body.length) {
    const match = element.exec(body);
    if (!match) return body.trim() === '' ? fields : undefined;
    const name = match[1] ?? match[3] ?? '';
    if (fields.has(name)) return undefined;
    fields.set(name, (match[2] ?? '').replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1'));
  }
  return fields;
}

/** Texts stand in CDATA. */
export function writeXml(fields: Iterable<readonly [string, string]>, root = 'xml'): string {
  const elements = [...fields].map(([name, value]) => `<${name}><![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]></${name}>`);
  return `<${root}>${elements.join('\n')}\n</${root}>`;
}
