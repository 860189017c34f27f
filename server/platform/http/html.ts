/** A piece of HTML. Text becomes one only through `html`, which escapes it. */
export type Html = { readonly html: string };

type Hole = Html | string | number | false | undefined | readonly Hole[];

/** Writes HTML: every hole is escaped, unless it is HTML already. Lists are joined, `false` and undefined leave nothing. */
export const html = (pieces: TemplateStringsArray, ...holes: readonly Hole[]): Html => ({ html: pieces.map((piece, i) => piece + fill(holes[i])).join('') });

function fill(hole: Hole): string {
  if (hole === undefined || hole === false) return '';
  if (typeof hole === 'string' || typeof hole === 'number') return escapeHtml(String(hole));
  return 'html' in hole ? hole.html : hole.map(fill).join('');
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] as string);
