import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { issuerOfPaymentCode, walletOfPaymentCode } from './payment-code.ts';

const code = (prefix: string, length: number) => prefix.padEnd(length, '7');

describe('walletOfPaymentCode', () => {
  const known: readonly (readonly [prefix: string, lengths: readonly number[], method: string])[] = [
    ...['10', '11', '12', '13', '14', '15'].map((prefix) => [prefix, [18], 'wechat_barcode'] as const),
    ['62', [19, 20], 'unionpay_barcode'],
    ['51', [18], 'bestpay_barcode'],
    ['01', [16, 17, 18, 19, 20, 21, 22, 23, 24], 'ecny_barcode'],
    ...['25', '26', '27', '28', '29', '30'].map((prefix) => [prefix, [16, 17, 18, 19, 20, 21, 22, 23, 24], 'alipay_barcode'] as const),
  ];

  it('knows a wallet by prefix and length, and nothing beside', () => {
    const table = new Map(known.map(([prefix, lengths, method]) => [prefix, { lengths, method }]));
    for (let first = 0; first < 100; first++) {
      for (let length = 2; length <= 40; length++) {
        const prefix = String(first).padStart(2, '0');
        const entry = table.get(prefix);
        const expected = entry?.lengths.includes(length) ? entry.method : undefined;
        assert.equal(walletOfPaymentCode(code(prefix, length)), expected, `prefix ${prefix}, length ${length}`);
      }
    }
  });

  it('takes a face token of 35 characters for Alipay', () => {
    assert.equal(walletOfPaymentCode(code('fp', 35)), 'alipay_barcode');
    assert.equal(walletOfPaymentCode(code('fp', 34)), undefined);
    assert.equal(walletOfPaymentCode(code('fp', 36)), undefined);
  });

  const not_codes = [
    '',
    '1',
    '13',
    ' 34650000000000001',
    '134650000000000001\n',
    '13465000000000000a',
    '１３４６５００００００００００００１',
    '13465000000000000٣',
    '-13465000000000000',
  ];
  for (const text of not_codes) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(issuerOfPaymentCode(text), undefined));
  }

  it('gives any text at most one wallet, and a method only of that wallet', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 70 }), (text) => {
        const issuer = issuerOfPaymentCode(text);
        if (issuer?.method !== undefined) assert.ok(issuer.method.startsWith(issuer.wallet));
      }),
    );
  });
});

describe('issuerOfPaymentCode', () => {
  const others: readonly (readonly [code: string, wallet: string])[] = [['830000000000000000', 'suning']];
  for (const [text, wallet] of others) {
    it(`names ${wallet}, which no channel serves, so that the refusal is clear`, () => assert.deepEqual(issuerOfPaymentCode(text), { wallet }));
  }
});

type VectorFile = { readonly cases: readonly { readonly id: string; readonly source: string; readonly authCode: string; readonly expect: string | null }[] };

const vectors = join(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../shared/protocols/vectors'), 'routing');
describe('shared vectors of payment codes', { skip: existsSync(vectors) ? false : 'HELIU_VECTORS is absent' }, () => {
  const files = existsSync(vectors) ? readdirSync(vectors).filter((name) => name.startsWith('auth-code')) : [];
  for (const file of files) {
    const { cases } = JSON.parse(readFileSync(join(vectors, file), 'utf8')) as VectorFile;
    for (const vector of cases) {
      it(`${vector.id}: ${vector.expect ?? 'no wallet'} (${vector.source})`, () => {
        assert.equal(issuerOfPaymentCode(vector.authCode)?.wallet ?? null, vector.expect);
      });
    }
  }
  it('were found', () => assert.ok(files.length >= 2));
});
