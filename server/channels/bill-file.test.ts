import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { ZERO } from '../kernel/money.ts';
import { type Bill, type BillKind, type BillLine, BillProblem, type BillTotals, parseMillifen, parseRatePpm, roundMillifen } from './bill.ts';
import { type BillFile, readBill } from './bill-file.ts';
import { writeZip } from './kit/zip.ts';
import { channels } from './registry.ts';

const biz_date = '2026-11-20';

async function readAll<Config>(bill: Bill<Config>, config: Config, file: BillFile, day = biz_date): Promise<{ lines: BillLine[]; totals: BillTotals }> {
  const lines: BillLine[] = [];
  const reading = readBill({ bill, subject: { config, biz_date: day }, file });
  for (;;) {
    const step = await reading.next();
    if (step.done) return { lines, totals: step.value.totals };
    lines.push(...step.value);
  }
}

/** A bill of one number per line, so that these tests say nothing of any channel's format. */
const plain: Bill<unknown> = {
  link: { retry: 'same_key', request: () => ({ local: { is: 'empty' } }), verify: () => 'invalid', outcome: () => ({ is: 'empty' }) },
  download: () => ({ method: 'GET', origin: 'https://bills.example', path: '/', headers: {} }),
  published_after_ms: 0,
  packing: 'zip',
  charset: 'gb18030',
  totals: 'file',
  fee_rounding: 'line',
  isDetail: (first) => first.startsWith('#明细'),
  identity: () => ({}),
  parser: () => {
    let lines = 0;
    return {
      take: () => {
        lines++;
        return undefined;
      },
      end: () => ({ lines, payments: { count: 0, amount_fen: ZERO }, refunds: { count: 0, amount_fen: ZERO }, fee_millifen: 0n }),
    };
  },
};

const gbk = (text: string): Buffer => iconv.encode(text, 'gbk');
const refuses = (name: string, file: BillFile, reason: RegExp) =>
  it(name, async () => {
    await assert.rejects(readAll(plain, {}, file), (error: unknown) => error instanceof BillProblem && reason.test(error.message));
  });

describe('a bill as it came', () => {
  const detail = gbk('#明细\r\n一\r\n二\r\n');
  const name = gbk('明细.csv');

  it('is read from gzip, from a zip whose names are GBK, and as it is', async () => {
    for (const bytes of [
      detail,
      gzipSync(detail),
      writeZip([
        { name: gbk('汇总.csv'), bytes: gbk('#汇总\r\n') },
        { name, bytes: detail },
      ]),
    ]) {
      assert.equal((await readAll(plain, {}, { bytes })).totals.lines, 3);
    }
  });

  refuses('G-01: a gzip bomb ends early', { bytes: gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a\n')) }, /more than a bill can be/);
  refuses('G-01: a zip bomb ends early', { bytes: writeZip([{ name, bytes: Buffer.alloc(64 * 1024 * 1024, 'a\n') }]) }, /more than a bill can be/);
  refuses('G-01: a zip of many files is refused', { bytes: writeZip(Array.from({ length: 17 }, () => ({ name, bytes: detail }))) }, /more than a bill can be/);
  refuses('G-01: an entry that unpacks to more than it says is refused', { bytes: lyingZip() }, /cannot be read|not whole/);
  refuses(
    'G-02: the bill in an archive twice is refused, whatever its names',
    {
      bytes: writeZip([
        { name, bytes: detail },
        { name: gbk('../../etc/passwd'), bytes: detail },
      ]),
    },
    /twice/,
  );
  refuses('G-03: gzip that was cut is refused', { bytes: gzipSync(detail).subarray(0, -3) }, /not whole gzip/);
  refuses('G-03: something behind the gzip is refused', { bytes: Buffer.concat([gzipSync(detail), Buffer.from('more')]) }, /follows|not whole/);
  refuses('G-03: a second packed file behind the first is refused', { bytes: Buffer.concat([gzipSync(detail), gzipSync(detail)]) }, /second packed file/);
  refuses(
    'G-03: an empty packed file behind the first is refused',
    { bytes: Buffer.concat([gzipSync(detail), gzipSync(Buffer.alloc(0))]) },
    /second packed file/,
  );
  refuses('G-04: a file with another digest is refused', { bytes: gzipSync(detail), digest: { algorithm: 'sha1', hex: 'ab'.repeat(20) } }, /digest/);
  refuses('an archive without the bill is refused', { bytes: writeZip([{ name, bytes: gbk('#别的\r\n') }]) }, /holds no bill/);
  refuses(
    'bytes that are no text are refused, with their line',
    { bytes: Buffer.concat([detail, Buffer.from([0xff, 0xff, 0x0a])]) },
    /line \d: the text is not/,
  );
  refuses('a line that never ends is refused', { bytes: Buffer.alloc(1024 * 1024, 'x') }, /longer than a line/);
  refuses('a control character is refused', { bytes: gbk('#明细\r\n\u0001\r\n') }, /line 2: the line holds a control character/);
  refuses('an empty file is refused', { bytes: Buffer.alloc(0) }, /empty/);

  it('takes the digest of the text as well as of the bytes that came', async () => {
    const bytes = gzipSync(detail);
    for (const hashed of [detail, bytes]) {
      const hex = createHash('sha1').update(hashed).digest('hex');
      assert.equal((await readAll(plain, {}, { bytes, digest: { algorithm: 'sha1', hex } })).totals.lines, 3);
    }
  });

  it('is UTF-8 where it says so itself', async () => {
    assert.equal((await readAll(plain, {}, { bytes: Buffer.from('\ufeff#明细\n一') })).totals.lines, 2);
  });
});

/** The directory promises ten bytes of an entry that has thousands. */
function lyingZip(): Buffer {
  const bytes = writeZip([{ name: gbk('x.csv'), bytes: Buffer.concat([gbk('#明细\r\n'), Buffer.alloc(50_000, 'a\n')]) }]);
  const directory = bytes.indexOf(Buffer.from('504b0102', 'hex'));
  bytes.writeUInt32LE(10, directory + 24);
  return bytes;
}

test('amounts and rates of bills are read exactly or not at all', () => {
  const read = ['0.27000', '-0.27000', '0.08', '1', '0.123456', '1e3', '', '0.6%'].map(parseMillifen);
  assert.deepEqual(read, [27_000n, -27_000n, 8_000n, 100_000n, undefined, undefined, undefined, undefined]);
  assert.deepEqual(['0.60%', '1.00%', '0.0001%', '0.6', '101.00000%'].map(parseRatePpm), [6_000, 10_000, 1, undefined, undefined]);
  assert.deepEqual([499n, 500n, -500n, -499n, 1_500n].map(roundMillifen), [0n, 1n, -1n, 0n, 2n]);
});

/** Layouts of real bills with every identity replaced; not part of this repository. */
const folder = resolve(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../shared/protocols/vectors'));
const skip = existsSync(join(folder, 'wechatpay')) && existsSync(join(folder, 'alipay')) ? false : `no vectors in ${folder}`;

type Layout = {
  readonly channel: string;
  readonly file: string;
  readonly kind?: BillKind;
  readonly day: string;
  readonly config: object;
  readonly refused?: RegExp;
  readonly totals?: Partial<Record<'payments' | 'refunds', readonly [count: number, fen: bigint]>>;
};
const wechat = (mchid: string, sub_mchid?: string) => (sub_mchid === undefined ? { mode: 'direct', mchid } : { mode: 'provider', mchid, sub_mchid });
const layouts: readonly Layout[] = [
  {
    channel: 'wechatpay',
    file: 'tradebill.ALL.2021-01-28.layout.csv',
    day: '2021-01-28',
    config: wechat('1601959334'),
    totals: { payments: [3, 3n], refunds: [0, 0n] },
  },
  {
    channel: 'wechatpay',
    file: 'tradebill.ALL.sample.layout.csv',
    day: '2019-02-19',
    config: wechat('1990954076'),
    totals: { payments: [31, 47n], refunds: [14, 14n] },
  },
  {
    channel: 'wechatpay',
    file: 'tradebill.ALL.derived-escapes.layout.csv',
    day: '2026-11-20',
    config: wechat('1977706223'),
    totals: { payments: [1, 1500n], refunds: [1, 100n] },
  },
  {
    channel: 'wechatpay',
    file: 'tradebill.REFUND.sp-old.2018-08-21.layout.csv',
    day: '2018-08-21',
    config: wechat('1982618999', '1929438500'),
    totals: { refunds: [3, 3n] },
  },
  {
    channel: 'wechatpay',
    file: 'fundflowbill.BASIC.2021-02-01.layout.csv',
    kind: 'fund',
    day: '2021-02-01',
    config: wechat('1601959334'),
    refused: /is 3, the file has 2/,
  },
  {
    channel: 'wechatpay',
    file: 'tradebill.ALL.2024-07-09.layout.csv',
    day: '2024-07-09',
    config: wechat('1943099938'),
    refused: /counts 29 lines, the file has 2/,
  },
  {
    channel: 'alipay',
    file: 'bill-trade-20190916.layout.csv',
    day: '2019-09-16',
    config: { seller_id: '2088251597247666' },
    totals: { payments: [6, 6n], refunds: [4, 4n] },
  },
  {
    channel: 'alipay',
    file: 'bill-trade-20170831.layout.csv',
    day: '2017-08-31',
    config: { seller_id: '2088900879509455' },
    refused: /ends before its list does/,
  },
  { channel: 'alipay', file: 'bill-trade-20260605.layout.csv', day: '2026-06-05', config: { seller_id: '2088007542603618' }, refused: /wrong sign/ },
  {
    channel: 'alipay',
    file: 'bill-signcustomer-20121229.layout.csv',
    kind: 'fund',
    day: '2012-12-29',
    config: { seller_id: '2088152928733312' },
    refused: /counts 18 lines, the file has 3/,
  },
];

describe('layouts of real bills', { skip }, () => {
  for (const { channel, file, kind = 'trade', day, config, refused, totals = {} } of layouts) {
    it(`${file} ${refused ? 'is a fragment and refused' : 'adds up to itself'}`, async () => {
      const bill = channels.get(channel)?.bills?.[kind] as Bill<unknown>;
      const stored = readFileSync(join(folder, channel, file), 'utf8');
      // Real Alipay files are GBK with CRLF; the layouts are kept as UTF-8.
      const bytes = channel === 'alipay' ? gbk(stored.replace(/\r?\n/g, '\r\n')) : Buffer.from(`\ufeff${stored}`);
      if (refused) {
        await assert.rejects(readAll(bill, config, { bytes }, day), refused);
        return;
      }
      const read = await readAll(bill, config, { bytes }, day);
      for (const [name, [count, amount_fen]] of Object.entries(totals)) assert.deepEqual(read.totals[name as 'payments'], { count, amount_fen });
    });
  }
});
