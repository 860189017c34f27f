/** Builds a path and escapes each part, so that no id can reach another endpoint. */
export function path(texts: TemplateStringsArray, ...parts: readonly string[]): string {
  return String.raw({ raw: texts }, ...parts.map(escapePart));
}

function escapePart(part: string): string {
  // An empty part would name the list; a URL resolves `.` and `..` away, escaped or not.
  if (typeof part !== 'string' || part === '' || part === '.' || part === '..')
    throw new TypeError(`not an id that can stand in a URL: ${JSON.stringify(part)}`);
  return encodeURIComponent(part);
}
