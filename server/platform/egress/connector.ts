import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressRanges, addressRefusal, isAllowedAddress } from './address.ts';
import type { Lookup } from './lookup.ts';

/** The name has an address that may not be called: nothing was connected to. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';
}

export type ConnectorOptions = {
  readonly policy: 'channel' | 'webhook';
  readonly allowed: AddressRanges;
  readonly lookup: Lookup;
  readonly certificate_pem?: string;
  readonly key_pem?: string;
};

/** A connection that is not made within this time will not be made: three lost packets are repeated within 7 s. */
const connect_ms = 10_000;
/** How long one of several addresses is tried before the next: the default of 250 ms is short across an ocean. */
const connect_attempt_ms = 1_500;

/**
 * Opens the connections of one pool. The name is resolved once, every address it has is checked, and the socket goes to
 * those checked addresses, while SNI, the certificate check and the Host header keep the name.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const over_tls = buildConnector({
    ...common,
    lookup: checkedLookup(options, (address) => addressRefusal(address, options.allowed)),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(options.certificate_pem === undefined ? {} : { cert: options.certificate_pem }),
    ...(options.key_pem === undefined ? {} : { key: options.key_pem }),
  });
  const plainRefusal = (address: string) =>
    options.policy === 'channel' && !isAllowedAddress(address, options.allowed) ? 'http' : addressRefusal(address, options.allowed);
  const over_tcp = buildConnector({ ...common, lookup: checkedLookup(options, plainRefusal) });

  return (connection, callback) => {
    const tls = connection.protocol === 'https:';
    // A literal address is not looked up, so it is checked here as well as when the URL was read.
    const literal_refusal =
      isIP(connection.hostname) === 0 ? undefined : tls ? addressRefusal(connection.hostname, options.allowed) : plainRefusal(connection.hostname);
    if (literal_refusal !== undefined) callback(new RefusedAddress('the address may not be called'), null);
    else if (tls) over_tls(connection, callback);
    else over_tcp(connection, callback);
  };
}

const common = { allowH2: false, timeout: connect_ms, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: connect_attempt_ms } as const;

type NodeLookup = NonNullable<import('node:net').TcpNetConnectOpts['lookup']>;

function checkedLookup({ lookup, policy }: ConnectorOptions, refusal: (address: string) => string | undefined): NodeLookup {
  return (hostname, asked, callback) => {
    lookup(hostname, policy).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(new Error('the name has no address'), []);
        // One bad address among good ones is a trap, not an accident: the whole name is refused.
        else if (addresses.some((address) => refusal(address) !== undefined))
          callback(new RefusedAddress('the name has an address that may not be called'), []);
        else if (asked.all)
          callback(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          );
        else callback(null, first, isIP(first));
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
