import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import { readStatement, StatementProblem } from './statement-file.ts';

const read = (text: string, options = {}) => readStatement(Buffer.from(text), options).map(({ line: _, ...credit }) => credit);
const a = { reference: 'N1', received_on: '2026-11-23', amount_fen: 123456n, payer: '财付通支付科技有限公司' };

describe('a bank statement', () => {
  const forms: readonly (readonly [name: string, text: string])[] = [
    ['plain', 'date,amount,reference,payer\n2026-11-23,1234.56,N1,财付通支付科技有限公司\n'],
    ['with a mark, CRLF and no end', '\ufeff入账日期,贷方金额,流水号,对方户名\r\n2026/11/23,"1,234.56",N1,财付通支付科技有限公司'],
    ['other columns and another order', '流水号,摘要,对方户名,收入金额(元),交易时间,余额\nN1,"结算,款",财付通支付科技有限公司,1234.56,20261123 093000,9\n'],
    [
      'with debits',
      '交易日期,贷方发生额,借方发生额,交易流水号,对方名称\n2026-11-23,1234.56,,N1,财付通支付科技有限公司\n2026-11-23,,5.00,N2,房东\n2026-11-23,0.00,5.00,N3,房东\n',
    ],
    ['with signs that keep spreadsheets from rounding', "入账日期,入账金额,流水号,付款方\n2026-11-23,1234.56,'N1\t,`财付通支付科技有限公司\n"],
  ];
  for (const [name, text] of forms) {
    it(`${name} is read`, () => {
      assert.deepEqual(read(text), [a]);
      assert.deepEqual(
        readStatement(iconv.encode(text.replace('\ufeff', ''), 'gb18030')).map(({ line: _, ...credit }) => credit),
        [a],
        'and in GB18030',
      );
    });
  }

  it('of one payer leaves aside what others paid', () => {
    const text = 'date,amount,reference,payer\n2026-11-23,1.00,N1,财付通支付科技有限公司\n2026-11-23,2.00,N2,老王\n';
    assert.deepEqual(
      read(text, { payer: '财付通' }).map(({ reference }) => reference),
      ['N1'],
    );
  });

  it('of one payer names the payers', () => {
    assert.throws(() => read('date,amount,reference\n2026-11-23,1.00,N1\n', { payer: '财付通' }), /line 1: there is no column payer/);
  });

  const broken: readonly (readonly [text: string, problem: RegExp])[] = [
    ['', /the file is empty/],
    ['date,amount\n2026-11-23,1.00\n', /line 1: there is no column reference/],
    ['date,amount,amount,reference\n', /line 1: the column amount stands there twice/],
    ['date,amount,reference\n2026-11-23,1.005,N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,-1.00,N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,1e3,N1\n', /line 2: amount is not an amount in yuan/],
    // A comma that is no mark of thousands may be a decimal one: fifteen yuan or one and a half, nobody knows.
    ['date,amount,reference\n2026-11-23,"1,50",N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,"1234,56",N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,"1.234,56",N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,"12,34,567.00",N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-23,"0,00",N1\n', /line 2: amount is not an amount in yuan/],
    ['date,amount,reference\n2026-11-31,1.00,N1\n', /line 2: date is not a day/],
    ['date,amount,reference\n2026-11-23,1.00,\n', /line 2: reference is not a number of the bank/],
    ['date,amount,reference\n2026-11-23,1.00,N1\n2026-11-23,1.00,N1\n', /line 3: line 2 has the same number/],
    ['date,amount,reference\n2026-11-23,1.00\n', /Invalid Record Length/],
    ['date,amount,reference\n"2026-11-23,1.00,N1\n', /Quote Not Closed/],
  ];
  for (const [text, problem] of broken) {
    it(`is refused whole: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => read(text),
        (error) => error instanceof StatementProblem && problem.test(error.message),
      );
    });
  }

  it('with any of its bytes changed is read or refused, and never crashes', () => {
    const bytes = Buffer.from(`date,amount,reference,payer\n2026-11-23,1234.56,N1,财付通\n2026-11-24,"7,000.00",N2,财付通\n`);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = Buffer.from(bytes);
        for (const [at, to] of changes) changed[at] = to;
        try {
          for (const { amount_fen, received_on, reference } of readStatement(changed)) {
            assert.ok(amount_fen > 0n && /^20\d\d-\d\d-\d\d$/.test(received_on) && reference !== '');
          }
        } catch (error) {
          if (!(error instanceof StatementProblem)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
