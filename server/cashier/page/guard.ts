/** What a browser says of where a form was sent from. */
type From = { readonly origin: string | undefined; readonly fetch_site: string | undefined };

/**
 * True when a form may be one of our own pages'. Whoever sends one must know the page's address anyway, which no other
 * website does; this keeps out one that was told it. Web views that say neither are let in by the address alone.
 */
export function isOwnForm({ origin, fetch_site }: From, public_url: string): boolean {
  if (fetch_site !== undefined && fetch_site !== 'same-origin') return false;
  return origin === undefined || origin === new URL(public_url).origin;
}

const cookie_name = 'heliu_browser';
const cookie_form = /(?:^|;\s*)heliu_browser=([0-9A-HJKMNP-TV-Z]{26})(?:;|$)/;

/** What this browser was given for this page, if it still has it. */
export const readCookie = (header: string | undefined): string | undefined => cookie_form.exec(header ?? '')?.[1];

/** For this one page and this sitting; no script reads it, and no other site's form sends it. */
export const writeCookie = (value: string, path: string, is_https: boolean): string =>
  `${cookie_name}=${value}; Path=${path}; HttpOnly; SameSite=Lax${is_https ? '; Secure' : ''}`;
