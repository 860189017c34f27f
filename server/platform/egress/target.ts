import { isIP } from 'node:net';
import { type AddressRanges, addressRefusal, isAllowedAddress } from './address.ts';

/** What a URL is held against: the settings of the installation, read once. */
export type TargetRules = {
  readonly allowed: AddressRanges;
  readonly webhook_allow_http: boolean;
  readonly webhook_ports: readonly number[];
  /** Our own name, which a webhook must not name; undefined where calling ourselves is harmless. */
  readonly own_hostname: string | undefined;
};

/** Where a request goes. `path` holds the query and is sent byte for byte. */
export type Target = { readonly origin: string; readonly hostname: string; readonly path: string };

/** Spaces and controls, which a URL parser would drop or encode in silence, and the backslash, which it takes for a slash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const hidden_characters = /[\u0000-\u0020\u007f-\u00a0\\]/;

/** Names that the outside world cannot own: RFC 6761, RFC 6762, RFC 8375, and `internal`, which ICANN reserved in 2024. */
const private_names = /(?:^|\.)(?:localhost|local|internal|home\.arpa|localdomain|lan)$/;

/**
 * Reads the URL of a request, or says in one sentence why it may not be called. A name is not resolved here: the
 * connection checks every address that the name has at that moment, whatever this function thought of the text.
 */
export function readTarget(text: string, policy: 'channel' | 'webhook', rules: TargetRules): Target | { readonly problem: string } {
  if (hidden_characters.test(text)) return { problem: 'The URL holds a space, a control character or a backslash.' };
  if (!URL.canParse(text)) return { problem: 'This is not a URL.' };
  const url = new URL(text);
  const problem = schemeProblem(url, policy, rules) ?? partsProblem(url) ?? portProblem(url, policy, rules) ?? hostProblem(url, policy, rules);
  if (problem !== undefined) return { problem };
  return { origin: url.origin, hostname: hostnameOf(url), path: pathOf(text, url) };
}

function schemeProblem(url: URL, policy: 'channel' | 'webhook', rules: TargetRules): string | undefined {
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return 'Only https may be called.';
  if (policy === 'webhook') return rules.webhook_allow_http ? undefined : 'Only https may be called.';
  const hostname = hostnameOf(url);
  const possible = isIP(hostname) === 0 ? rules.allowed.length > 0 : isAllowedAddress(hostname, rules.allowed);
  return possible ? undefined : 'Only https may be called.';
}

function partsProblem(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'The URL holds a user name or a password.';
  if (url.hash !== '') return 'The URL holds a fragment, which no receiver ever sees.';
  return undefined;
}

function portProblem(url: URL, policy: 'channel' | 'webhook', rules: TargetRules): string | undefined {
  if (policy === 'channel') return undefined;
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return rules.webhook_ports.includes(port) ? undefined : `Port ${port} may not be called.`;
}

function hostProblem(url: URL, policy: 'channel' | 'webhook', rules: TargetRules): string | undefined {
  const hostname = hostnameOf(url);
  if (isIP(hostname) !== 0) {
    return addressRefusal(hostname, rules.allowed) === undefined ? undefined : 'The address is not a public one.';
  }
  const name = hostname.replace(/\.$/, '');
  if (policy === 'webhook' && name === rules.own_hostname) return 'This is our own name.';
  // Where the settings open private addresses, a private name may be meant: then the connection decides.
  const is_private = private_names.test(name) || !name.includes('.');
  return is_private && rules.allowed.length === 0 ? 'The name is not a public one.' : undefined;
}

/** What follows the host, as it was written: a signature may cover these bytes. Only what is not ASCII is encoded. */
function pathOf(text: string, url: URL): string {
  const written = /^[a-z]+:\/\/[^/?]+([\u0021-\u007e]*)$/i.exec(text)?.[1];
  if (written === undefined) return url.pathname + url.search;
  return written.startsWith('/') ? written : `/${written}`;
}

/** Without the brackets of an IPv6 literal. */
function hostnameOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}
