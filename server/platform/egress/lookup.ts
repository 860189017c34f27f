import { promises as dns, lookup as getaddrinfo } from 'node:dns';

/** All addresses of a name, in the order in which they should be tried. Rejects when there are none. */
export type Lookup = (hostname: string, policy: 'channel' | 'webhook') => Promise<readonly string[]>;

/**
 * The machine's resolvers, asked for every new connection, so that a changed address is followed.
 *
 * A channel's few names go through getaddrinfo, which knows the hosts file and the search list. It occupies one of four
 * threads that also compute RSA signatures, so webhooks, whose names are anyone's, ask the name servers directly: a
 * thousand names that never answer then delay nobody.
 */
export function systemLookup(): Lookup {
  const resolver = new dns.Resolver({ timeout: 2_000, tries: 2 });
  const under_way = new Map<string, Promise<readonly string[]>>();
  return (hostname, policy) => {
    if (policy === 'webhook') return askNameServers(resolver, hostname);
    const running = under_way.get(hostname) ?? askMachine(hostname).finally(() => under_way.delete(hostname));
    under_way.set(hostname, running);
    return running;
  };
}

async function askNameServers(resolver: dns.Resolver, hostname: string): Promise<readonly string[]> {
  // Name servers are not asked for this name (RFC 6761).
  if (/^(?:.+\.)?localhost\.?$/.test(hostname)) return ['127.0.0.1', '::1'];
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const addresses = [...(v4.status === 'fulfilled' ? v4.value : []), ...(v6.status === 'fulfilled' ? v6.value : [])];
  if (addresses.length === 0 && v4.status === 'rejected') throw v4.reason;
  return addresses;
}

function askMachine(hostname: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    getaddrinfo(hostname, { all: true, order: 'verbatim' }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
}
