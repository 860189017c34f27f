import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** Where payers may be sent: to hosts that the merchant registered. */
type Rule = { readonly hosts: readonly string[]; readonly livemode: boolean };

/** This machine, for whoever tries out an integration. */
const own_machine = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * Refuses an address that could lead a payer anywhere else: another scheme, a user before the host, another host. What is
 * good comes back as the browser's own reader of addresses writes it, so that nobody reads it in another way later.
 */
export function readReturnUrl(text: string, { hosts, livemode }: Rule): string | Refusal {
  const no = refuse('return_url_refused', 'return_url');
  if (!URL.canParse(text)) return no;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || (url.protocol !== 'https:' && url.protocol !== 'http:')) return no;
  if (!livemode && own_machine.test(url.hostname)) return url.href;
  return url.protocol === 'https:' && hosts.includes(url.host) ? url.href : no;
}

/** The address with the session named in it, so that the merchant's page knows which order to look at. */
export function returnUrlFor(return_url: string, session_id: string): string {
  const url = new URL(return_url);
  url.searchParams.set('checkout_session_id', session_id);
  return url.href;
}
