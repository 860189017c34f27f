import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressRefusal, isAllowedAddress, readRanges } from './address.ts';

const refused: readonly (readonly [address: string, range: string])[] = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'carrierGradeNat'],
  ['169.254.1.1', 'linkLocal'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['240.0.0.1', 'reserved'],
  ['192.0.0.192', 'reserved'],
  ['198.18.0.1', 'reserved'],
  ['203.0.113.7', 'reserved'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['fc00::1', 'uniqueLocal'],
  ['fd12:3456:789a::1', 'uniqueLocal'],
  ['fe80::1', 'linkLocal'],
  ['fe80::1%eth0', 'linkLocal'],
  ['fec0::1', 'deprecatedSiteLocal'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['::7f00:1', 'reserved'],
  // What a resolver writes for an address of 96 zero bits: not the IPv4 address at its end.
  ['::1.1.1.1', 'not an address'],
  ['::127.0.0.1', 'not an address'],
  ['::808:808', 'reserved'],
];

const metadata: readonly (readonly [address: string, range: string])[] = [
  ['169.254.169.254', 'linkLocal'],
  ['100.100.100.200', 'carrierGradeNat'],
  ['168.63.129.16', 'metadata'],
  ['fd00:ec2::254', 'uniqueLocal'],
];

const carried: readonly (readonly [address: string, range: string])[] = [
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'linkLocal'],
  ['64:ff9b::7f00:1', 'rfc6052'],
  ['64:ff9b:1::7f00:1', 'rfc6052'],
  ['2002:7f00:1::', '6to4'],
  ['2001:0:7f00:1::', 'teredo'],
  ['::ffff:0:7f00:1', 'rfc6145'],
];

for (const [id, table] of [
  ['F-01 inside address', refused],
  ['F-02 metadata address', metadata],
  ['F-03 carried address', carried],
] as const) {
  for (const [address, range] of table) {
    test(`${id}: refuses ${address} as ${range}`, () => assert.equal(addressRefusal(address, []), range));
  }
}

for (const address of ['1.1.1.1', '93.184.215.14', '100.128.0.1', '172.32.0.1', '169.253.255.255', '2606:4700:4700::1111', '::ffff:1.1.1.1', '240e::1']) {
  test(`F-01: lets the public address ${address} through`, () => assert.equal(addressRefusal(address, []), undefined));
}

test('refuses what is not an address', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', 'one', '::g'])
    assert.equal(addressRefusal(text, readRanges(['0.0.0.0/0'])), text === '1.2.3' ? undefined : 'not an address');
});

test('a range of the settings opens its addresses, in either notation, and no others', () => {
  const allowed = readRanges(['127.0.0.0/8', 'fd00::/8']);
  assert.equal(addressRefusal('127.0.0.1', allowed), undefined);
  assert.equal(addressRefusal('::ffff:127.0.0.1', allowed), undefined);
  assert.equal(addressRefusal('fd00::1', allowed), undefined);
  assert.equal(addressRefusal('10.0.0.1', allowed), 'private');
  assert.equal(addressRefusal('::1', allowed), 'loopback');
  assert.equal(isAllowedAddress('127.9.9.9', allowed), true);
  assert.equal(isAllowedAddress('1.1.1.1', allowed), false);
});

test('a setting that is not a range is refused at the start', () => {
  assert.throws(() => readRanges(['10.0.0.0']));
  assert.throws(() => readRanges(['10.0.0.0/40']));
});
