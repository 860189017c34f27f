import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** CIDR ranges of the settings, read once. */
export type AddressRanges = readonly Range[];

/** Throws on a text that is not a range, so that a wrong setting stops the start. */
export const readRanges = (cidrs: readonly string[]): AddressRanges => cidrs.map((cidr) => ipaddr.parseCIDR(cidr));

/** Public by its number, yet a cloud's own: the wire server that hands every Azure machine its metadata and certificates. */
const metadata_ranges = readRanges(['168.63.129.16/32']);

/** What the world may own in IPv6. Everything outside, known by name or not, is special. */
const global_unicast_v6 = ipaddr.parseCIDR('2000::/3');

/**
 * Why an address may not be called; undefined when it may. The binary address decides, so it does not matter how it was
 * written, and an IPv4 address inside an IPv6 one counts as itself. `allowed` are the ranges that the settings open.
 */
export function addressRefusal(text: string, allowed: AddressRanges): string | undefined {
  const address = readAddress(text);
  if (address === undefined) return 'not an address';
  if (isWithin(address, allowed)) return undefined;
  if (isWithin(address, metadata_ranges)) return 'metadata';
  const range = address.range();
  if (range !== 'unicast') return range;
  return address.kind() === 'ipv6' && !address.match(global_unicast_v6) ? 'reserved' : undefined;
}

/** True when a range of the settings opens the address. */
export function isAllowedAddress(text: string, allowed: AddressRanges): boolean {
  const address = readAddress(text);
  return address !== undefined && isWithin(address, allowed);
}

/** The library takes `::8.8.8.8` for 8.8.8.8; the machine takes it for `::808:808`, which nobody may have any more (RFC 4291, 2.5.5.1). */
const ipv4_compatible = /^::\d+\./;

/** `::ffff:127.0.0.1` is read as 127.0.0.1. NAT64, 6to4 and Teredo stay what they are: refused whatever they carry. */
function readAddress(text: string): Address | undefined {
  if (!ipaddr.isValid(text) || ipv4_compatible.test(text)) return undefined;
  return ipaddr.process(text);
}

function isWithin(address: Address, ranges: AddressRanges): boolean {
  return ranges.some((range) => range[0].kind() === address.kind() && address.match(range));
}
