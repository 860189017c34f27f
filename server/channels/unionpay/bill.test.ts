import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import iconv from 'iconv-lite';
import { bill_adjustments_max } from '../../kernel/limits.ts';
import { type BillAdjustment, type BillLine, BillProblem } from '../bill.ts';
import { readBill } from '../bill-file.ts';
import { writeZip } from '../kit/zip.ts';
import { readZmLine, tradeBill, writeZmeLine, writeZmLine, type ZmRow, zm_width, zme_width } from './bill.ts';

const config = { mer_id: '802310048993424' };
/** A payment of 4,768.00 yuan at 16:22 on 6 September 2015, in the fields of the published sample. */
const payment: Partial<ZmRow> = {
  txnCode: 'S56',
  traceNo: '190624',
  txnTransTime: '0906112203',
  txnAmt: '000000476800',
  queryId: '201509061122031906248',
  orderId: '10078087',
  merFee: 'D000000002861',
  settleAmt: 'C000000473939',
  txnType: '01',
  merId: '802310048993424',
  subMerId: '000000000000000',
  discountAmt: ' 000000000000',
};
const refund: Partial<ZmRow> = {
  ...payment,
  txnType: '04',
  txnTransTime: '0906120000',
  txnAmt: '000000000100',
  orderId: 'R1',
  queryId: '201509061200001906248',
  origQryId: payment.queryId ?? '',
  merFee: 'C000000000001',
  settleAmt: 'D000000000099',
  origOrderIdAndReserved: '10078087',
};

function read(rows: readonly Partial<ZmRow>[], biz_date = '2015-09-06') {
  const parser = tradeBill.parser({ config, biz_date });
  const lines = rows.flatMap((row, index) => parser.take(writeZmLine(row), index + 1) ?? []);
  return { lines: lines as BillLine[], totals: parser.end() };
}

describe('a ZM file', () => {
  test('has lines of 607 bytes, names of two bytes a character within', () => {
    assert.equal(zm_width, 607);
    const line = writeZmLine({ ...payment, subMerAbbr: '合流示范门店' });
    assert.equal(line.length, 607 - 6);
    assert.equal(readZmLine(line, 1).subMerAbbr.trim(), '合流示范门店');
    assert.equal(readZmLine(line, 1).merId, '802310048993424');
  });

  test('tells payments and refunds by our numbers, with fees, and sums them', () => {
    const { lines, totals } = read([payment, refund]);
    const [paid, back] = lines;
    assert.deepEqual(
      [paid?.kind, paid?.channel_order_no, paid?.channel_transaction_id, paid?.fee_millifen],
      ['payment', '10078087', payment.queryId, 2_861_000n],
    );
    assert.deepEqual([back?.kind, back?.direction, back?.channel_order_no, back?.channel_refund_no], ['refund', 'out', '10078087', 'R1']);
    assert.deepEqual([back?.channel_transaction_id, back?.channel_refund_id, back?.fee_millifen], [payment.queryId, refund.queryId, -1000n]);
    assert.deepEqual(totals, { lines: 2, payments: { count: 1, amount_fen: 476800n }, refunds: { count: 1, amount_fen: 100n }, fee_millifen: 2_860_000n });
    assert.equal(paid?.at.toISOString(), '2015-09-06T03:22:03.000Z');
  });

  test('tells of other products what came in and what went out, by its own number, and completes nothing by it', () => {
    // 03 completes a pre-authorisation: money for the merchant, on an order that is not one of ours.
    const { lines, totals } = read([payment, { ...payment, txnType: '03', orderId: 'H1', queryId: '201509061300001906248', origQryId: payment.queryId ?? '' }]);
    const other = lines[1];
    assert.deepEqual([other?.kind, other?.direction, other?.amount_fen, other?.settled_fen], ['other', 'in', 476800n, 476800n]);
    assert.deepEqual([other?.channel_order_no, other?.channel_transaction_id, other?.channel_refund_no], ['H1', '201509061300001906248', null]);
    assert.deepEqual([totals.payments.count, totals.refunds.count], [2, 0]);
    const [, out] = read([payment, { ...payment, txnType: '33', settleAmt: 'D000000476800', merFee: 'C000000000000' }]).lines;
    assert.deepEqual([out?.kind, out?.direction, out?.settled_fen], ['other', 'out', 476800n]);
  });

  test('counts for the merchant what is left of a payment after a discount of its own', () => {
    const discounted = { ...payment, discountAmt: 'D000000001000', settleAmt: 'C000000472939' };
    assert.deepEqual(
      read([payment, discounted, refund]).lines.map(({ amount_fen, settled_fen }) => [amount_fen, settled_fen]),
      [
        [476800n, 476800n],
        [476800n, 475800n],
        [100n, 100n],
      ],
    );
  });

  test('takes an older order that was paid that day, but nothing of a later day, and not only older ones', () => {
    const older = { ...payment, txnTransTime: '0831112203' };
    assert.equal(read([older, payment]).lines.length, 2);
    assert.throws(() => read([older]), /no line is of/);
    const evening = { ...payment, txnTransTime: '0905225900' };
    assert.equal(read([evening]).lines.length, 1, 'of a quiet day whose only orders were made the evening before');
    assert.equal(read([evening, { ...payment, txnTransTime: '0905200000' }]).lines.length, 2);
    assert.throws(() => read([evening, { ...payment, txnTransTime: '0905112203' }]), /no line is of/, 'a file of the day before has lines of its whole day');
    assert.throws(() => read([{ ...payment, txnTransTime: '0906230000' }]), /not of 2015-09-06/);
    assert.equal(read([{ ...payment, txnTransTime: '0905230000' }]).lines.length, 1, 'the clearing day begins at 23:00 of the day before');
    assert.equal(read([{ ...payment, txnTransTime: '1231233000' }], '2016-01-01').lines[0]?.at.toISOString(), '2015-12-31T15:30:00.000Z');
  });

  test('names the merchant of a platform as its account does', () => {
    assert.equal(read([payment]).lines[0]?.receiver, '802310048993424');
    assert.equal(read([{ ...payment, subMerId: 'S0001' }]).lines[0]?.receiver, '802310048993424 S0001');
    assert.deepEqual(tradeBill.identity('802310048993424 S0001'), { mer_id: '802310048993424' });
  });

  const wrong: readonly (readonly [name: string, changes: Partial<ZmRow>, reason: RegExp])[] = [
    ['of another merchant', { merId: '802310048993425' }, /another merchant/],
    ['whose amount is none', { txnAmt: '00000047680x' }, /no amount/],
    ['whose fee has no sign', { merFee: '0000000002861' }, /no amount/],
    ['that does not add up', { settleAmt: 'C000000473940' }, /amount less the fee/],
    ['without a time', { txnTransTime: '' }, /no time/],
  ];
  for (const [name, changes, reason] of wrong) {
    test(`with a line ${name} is refused, all of it`, () => assert.throws(() => read([payment, { ...payment, ...changes }]), reason));
  }

  test('with a line that was cut or grew is refused', () => {
    const line = writeZmLine(payment);
    for (const text of [line.slice(0, 300), `${line} `, line.slice(1), line.replace('S56 ', 'S56X')]) assert.throws(() => readZmLine(text, 1), BillProblem);
    assert.throws(() => read([]), /no line/);
  });

  test('is told from the other files of its archive', () => {
    assert.ok(tradeBill.isDetail(writeZmLine(payment)));
    for (const other of ['', '商户对账汇总 2015-09-06', writeZmLine(payment).slice(0, 400)]) assert.ok(!tradeBill.isDetail(other));
  });
});

describe('the file of errors beside it', () => {
  const columns = ['E74', '88022900', '00049993', '190624', '0906112203', '6226091234567890048', '000000476800', '5411', '差', '01', '190623'];
  const line = writeZmeLine(columns);
  const zme = 'INN15090688ZME_802310048993424';
  const zm = { name: Buffer.from('INN15090688ZM_802310048993424'), bytes: iconv.encode(`${writeZmLine(payment)}\r\n`, 'gbk') };
  const summary = { name: Buffer.from('RD201015090601_802310048993424'), bytes: iconv.encode('商户对账汇总\r\n', 'gbk') };
  const fileOf = (text: string, name = zme) => ({ name: Buffer.from(name), bytes: iconv.encode(text, 'gbk') });

  async function readAll(files: Parameters<typeof writeZip>[0]): Promise<readonly BillAdjustment[]> {
    const reading = readBill({ bill: tradeBill, subject: { config: config as never, biz_date: '2015-09-06' }, file: { bytes: writeZip(files) } });
    for (;;) {
      const step = await reading.next();
      if (!step.done) continue;
      assert.equal(step.value.totals.payments.amount_fen, 476800n, 'nothing of it is money');
      return step.value.adjustments;
    }
  }

  test('gives each line with its columns for a person, without the middle of a card number', async () => {
    assert.equal(zme_width, 339);
    assert.equal(line.length, 339 - 1);
    for (const files of [
      [zm, fileOf(`${line}\r\n\r\n${line}\r\n`), summary],
      [summary, fileOf(`${line}\n\n${line}`, 'saved by hand'), zm],
    ]) {
      const [first, second, ...more] = await readAll(files);
      assert.deepEqual(more, []);
      assert.deepEqual([first?.line, second?.line], [1, 3]);
      assert.deepEqual(first?.columns.slice(0, 12), [
        'E74',
        '88022900',
        '00049993',
        '190624',
        '0906112203',
        '622609*********0048',
        '000000476800',
        '5411',
        '差',
        '01',
        '190623',
        '',
      ]);
      assert.equal(first?.columns.length, 22);
    }
    assert.deepEqual(await readAll([zm, fileOf(''), summary]), []);
    assert.deepEqual(await readAll([zm]), []);
  });

  test('refuses the archive where a line has another width, and names the line', async () => {
    for (const text of [`${line}\r\n${line} \r\n`, `${line}\r\n${line.slice(1)}\r\n`, `${line}\r\n${writeZmLine(payment)}\r\n`, `${line}\r\nE74\r\n`])
      await assert.rejects(readAll([zm, fileOf(text)]), /^BillProblem: line 2: of the adjustments \(ZME\), whose lines have 339 bytes/);
    await assert.rejects(readAll([fileOf('E74'), zm]), /line 1: of the adjustments/, 'its name says what it is');
    await assert.rejects(readAll([zm, fileOf(line), fileOf(line)]), /the adjustments twice/);
    await assert.rejects(readAll([fileOf(line)]), /no bill of this kind/);
    await assert.rejects(readAll([zm, fileOf(`${line}\r\n`.repeat(bill_adjustments_max + 1))]), /more than 1000 adjustments/);
  });
});
