/** What a browser says about where a request comes from. */
export type Origin = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`, sent by browsers and not settable by pages. */
  readonly fetch_site: string | undefined;
};

/**
 * True when the pages' own endpoints may answer. They act with a demo key, so no other website may use them:
 * the Host must be ours (a name that was pointed at this machine is not, which stops DNS rebinding), and a page that
 * asks must be one of this very host and port. A caller that is no browser sends neither Origin nor Sec-Fetch-Site.
 */
export function isOwnPage(from: Origin, public_url: string): boolean {
  const host = from.host?.toLowerCase();
  if (host === undefined || !isOwnHost(host, public_url)) return false;
  if (from.fetch_site !== undefined && from.fetch_site !== 'same-origin' && from.fetch_site !== 'none') return false;
  return from.origin === undefined || hostOf(from.origin) === host;
}

function isOwnHost(host: string, public_url: string): boolean {
  if (host === hostOf(public_url)) return true;
  const name = hostName(host);
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name ?? '');
}

function hostName(host: string): string | undefined {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
