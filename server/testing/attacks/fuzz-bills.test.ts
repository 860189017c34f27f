import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import { type Bill, type BillLine, BillProblem, type BillTotals, bill_kinds } from '../../channels/bill.ts';
import { readBill } from '../../channels/bill-file.ts';
import type { Channel } from '../../channels/define.ts';
import { openBench } from '../../channels/kit/bench.ts';
import { dayOfTrade } from '../../channels/kit/checks-bill.ts';
import { writeZip, type ZipEntry } from '../../channels/kit/zip.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { createTestClock } from '../clock.ts';
import { createTestRng } from '../rng.ts';
import { fuzz, mutated, seed } from './fuzz.ts';

/**
 * Bill files, changed anywhere: bytes, cells, whole lines, the charset, the archive. A misread bill moves money by itself,
 * so a file is refused with a reason, or says what it said, or differs in the line that was changed alone, and never in
 * what its own summary says.
 */
type Read = { readonly lines: readonly BillLine[]; readonly totals: BillTotals };
type Reader = (bytes: Buffer) => Promise<Read | BillProblem>;

const readerOf =
  (bill: Bill<unknown>, config: unknown, biz_date: string): Reader =>
  async (bytes) => {
    const lines: BillLine[] = [];
    const reading = readBill({ bill, subject: { config, biz_date }, file: { bytes } });
    try {
      for (;;) {
        const step = await reading.next();
        if (step.done) return { lines, totals: step.value.totals };
        lines.push(...step.value);
      }
    } catch (error) {
      // Anything else is a crash, and fails the test.
      if (error instanceof BillProblem) return error;
      throw error;
    }
  };

/** The file without what it is packed in. */
type Opened = { readonly text: string; readonly packed: (bytes: Buffer) => Buffer; readonly entries?: readonly ZipEntry[]; readonly at?: number };

function openedFrom(bill: Bill<unknown>, bytes: Buffer): Opened {
  const read = (raw: Buffer) => iconv.decode(raw, bill.charset);
  if (bill.packing === 'gzip') return { text: read(gunzipSync(bytes)), packed: (raw) => gzipSync(raw) };
  if (bill.packing === 'none') return { text: read(bytes), packed: (raw) => raw };
  const entries = entriesOf(bytes);
  const at = entries.findIndex((entry) => bill.isDetail(read(entry.bytes).split(/\r?\n/)[0] as string));
  const packed = (raw: Buffer) => writeZip(entries.map((entry, each) => (each === at ? { ...entry, bytes: raw } : entry)));
  return { text: read((entries[at] as ZipEntry).bytes), packed, entries, at };
}

/** Of an archive that `writeZip` made. */
function entriesOf(bytes: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = [];
  for (let at = 0; bytes.readUInt32BE(at) === 0x504b0304; ) {
    const [length, name_length] = [bytes.readUInt32LE(at + 18), bytes.readUInt16LE(at + 26)];
    const start = at + 30 + name_length + bytes.readUInt16LE(at + 28);
    entries.push({ name: bytes.subarray(at + 30, at + 30 + name_length), bytes: inflateRawSync(bytes.subarray(start, start + length)) });
    at = start + length;
  }
  return entries;
}

/** What a change may do to the facts where the file has no summary that tells: so many lines more and less; undefined where anything goes that adds up. */
type Changed = { readonly what: string; readonly bytes: Buffer; readonly more?: number; readonly less?: number };

/** What may stand in a cell and should not be taken for something else. */
const cells = [
  '',
  '0',
  '0.00',
  '-0.01',
  '0.01',
  '1.00',
  '1',
  '-1.00',
  '+1.00',
  '1e3',
  '0x1F',
  '１.００',
  '1,00',
  '1.000',
  '99999999999.99',
  'NaN',
  '\u0000',
  '"',
  '`',
  '2026-11-22 10:00:00',
  '退款',
  'SUCCESS',
  'REFUND',
  'USD',
  '=1+1',
  '\u00a0',
];

function changesOf(bill: Bill<unknown>, opened: Opened, whole: Read, original: Buffer): fc.Arbitrary<Changed> {
  const ending = opened.text.includes('\r\n') ? '\r\n' : '\n';
  const lines = opened.text.split(ending);
  const details = new Set(whole.lines.map(({ line }) => line - 1));
  const encoded = (text: string) => iconv.encode(text, bill.charset);
  const packed = (all: readonly string[]) => opened.packed(encoded(all.join(ending)));
  const any_line = fc.oneof(fc.constantFrom(...details), fc.nat(lines.length - 1));
  const dropped = any_line.map((at) => ({ what: `line ${at + 1} dropped`, bytes: packed(lines.toSpliced(at, 1)), more: 0, less: 1 }));
  const doubled = any_line.map((at) => ({ what: `line ${at + 1} doubled`, bytes: packed(lines.toSpliced(at, 0, lines[at] as string)), more: 1, less: 0 }));
  const swapped = fc.tuple(any_line, any_line).map(([one, other]) => {
    const moved = lines.with(one, lines[other] as string).with(other, lines[one] as string);
    return { what: `lines ${one + 1} and ${other + 1} swapped`, bytes: packed(moved), more: 0, less: 0 };
  });
  const everything = lines.flatMap((line) => line.split(/[,|]/));
  const cell = fc
    .tuple(any_line, fc.nat(), fc.oneof(fc.constantFrom(...cells), fc.constantFrom(...everything), fc.string({ maxLength: 6 })))
    .map(([at, nth, value]) => {
      const parts = (lines[at] as string).split(/([,|])/);
      const place = (nth % Math.ceil(parts.length / 2)) * 2;
      // A quote that the format writes before each value stays.
      const quote = /^[`"]/.exec(parts[place] as string)?.[0] ?? '';
      const bytes = packed(lines.with(at, parts.with(place, quote + value.replace(/^[`"]/, '')).join('')));
      const what = `cell ${place / 2 + 1} of line ${at + 1} is ${JSON.stringify(value)}`;
      // A heading changes what every line says.
      return details.has(at) ? { what, bytes, more: 1, less: 1 } : { what, bytes, more: details.size, less: details.size };
    });
  const bytes = mutated(encoded(opened.text).toString('latin1'), 'latin1').map((each) => ({ what: 'bytes of the text', bytes: opened.packed(each) }));
  const sent = mutated(original.toString('latin1'), 'latin1').map((each) => ({ what: 'bytes of the file', bytes: each }));
  const encodings = fc.constantFrom('utf-8', 'gb18030', 'gbk', 'utf-16le', 'utf-16be', 'latin1', 'big5').map((charset) => ({
    what: `in ${charset}`,
    bytes: opened.packed(iconv.encode(opened.text, charset)),
    more: 0,
    less: 0,
  }));
  const plain = encoded(opened.text);
  const wrappings = fc.constantFrom<Changed>(
    ...[
      { what: 'with a mark of UTF-8', bytes: opened.packed(iconv.encode(opened.text, 'utf-8', { addBOM: true })) },
      { what: 'unpacked', bytes: plain },
      { what: 'as gzip', bytes: gzipSync(plain) },
      { what: 'as gzip twice', bytes: gzipSync(gzipSync(plain)) },
      { what: 'as two members of gzip', bytes: Buffer.concat([gzipSync(plain), gzipSync(plain)]), more: details.size },
      { what: 'as zip', bytes: writeZip([{ name: Buffer.from('x'), bytes: plain }]) },
      { what: 'twice in a zip', bytes: writeZip([1, 2].map((nth) => ({ name: Buffer.from(`x${nth}`), bytes: plain }))) },
      { what: 'in a zip in a zip', bytes: writeZip([{ name: Buffer.from('x'), bytes: writeZip([{ name: Buffer.from('x'), bytes: plain }]) }]) },
      {
        what: 'beside an empty entry',
        bytes: writeZip([
          { name: Buffer.from('a'), bytes: Buffer.alloc(0) },
          { name: Buffer.from('x'), bytes: plain },
        ]),
      },
      { what: 'with its lines ended otherwise', bytes: opened.packed(encoded(lines.join(ending === '\n' ? '\r\n' : '\n'))) },
      { what: 'the other way round', bytes: packed(lines.toReversed()) },
      { what: 'twice in a row', bytes: packed([...lines, ...lines]), more: details.size },
      { what: 'the first half', bytes: packed(lines.slice(0, lines.length / 2)), less: details.size },
      ...(opened.entries ?? []).flatMap((entry, at, all) => [
        { what: `entry ${at + 1} dropped`, bytes: writeZip(all.toSpliced(at, 1)) },
        { what: `entry ${at + 1} doubled`, bytes: writeZip(all.toSpliced(at, 0, entry)) },
        { what: `entry ${at + 1} with another name`, bytes: writeZip(all.with(at, { ...entry, name: Buffer.from('../../etc/passwd') })) },
        { what: `entry ${at + 1} last`, bytes: writeZip([...all.toSpliced(at, 1), entry]) },
      ]),
    ].map((each) => ({ more: 0, less: 0, ...each })),
  );
  return fc.oneof({ weight: 3, arbitrary: cell }, dropped, doubled, swapped, bytes, sent, encodings, wrappings);
}

/** The facts of a line: not where it stands. */
const factsOf = (lines: readonly BillLine[]) => lines.map(({ line: _, ...facts }) => facts);
const beyond = <T>(some: readonly T[], others: readonly T[]): T[] => {
  const left = [...others];
  return some.filter((each) => {
    const at = left.findIndex((other) => isDeepStrictEqual(each, other));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
};
const sumOf = (lines: readonly BillLine[], direction: BillLine['direction']) => {
  const chosen = lines.filter((line) => line.direction === direction);
  return { count: chosen.length, settled_fen: chosen.reduce((sum, { settled_fen }) => sum + settled_fen, 0n) };
};

function assertHolds(bill: Bill<unknown>, whole: Read, { lines, totals }: Read, { what, more, less }: Changed): void {
  assert.equal(totals.lines, lines.length, what);
  for (const [direction, total] of [
    ['in', totals.payments],
    ['out', totals.refunds],
  ] as const) {
    const own = lines.filter((line) => line.direction === direction);
    assert.deepEqual(total, { count: own.length, amount_fen: own.reduce((sum, { amount_fen }) => sum + amount_fen, 0n) }, `${what}: the totals are the lines'`);
    // The file says how many and how much: one change in one place cannot be true of both.
    if (bill.totals === 'file') assert.deepEqual(sumOf(lines, direction), sumOf(whole.lines, direction), `${what}: against the file's own summary`);
  }
  const [added, gone] = [beyond(factsOf(lines), factsOf(whole.lines)), beyond(factsOf(whole.lines), factsOf(lines))];
  assert.ok(added.length <= (more ?? added.length) && gone.length <= (less ?? gone.length), `${what}: ${added.length} lines more, ${gone.length} less`);
}

describe('G-01 to G-04: a bill of any channel', () => {
  let runs = 0;
  for (const channel of channels.values()) {
    const kinds = bill_kinds.filter((kind) => channel.bills?.[kind]);
    if (kinds.length === 0) continue;
    it(`of ${channel.code} that was changed anywhere is refused with a reason, or says what it said but for that place`, async (t) => {
      const simulator = simulators.find((each) => each.channel === channel.code);
      assert.ok(simulator, 'every channel has a simulator');
      const { mode, trust } = simulator.forms?.[0] ?? ({ mode: 'direct', trust: 'public_key' } as const);
      const subject = { channel: channel as Channel, create: simulator.create, mode, trust, traits: simulator };
      const bench = await openBench(subject, { clock: createTestClock(new Date('2026-11-22T02:00:00.000Z')), rng: createTestRng(`bills ${channel.code}`) });
      try {
        const biz_date = await dayOfTrade(bench);
        for (const kind of kinds) {
          const bill = channel.bills?.[kind] as Bill<unknown>;
          const answer = await bench.client.bill(bench.account, { kind, biz_date });
          assert.ok(answer.is === 'file', `${kind}: ${answer.is}`);
          const read = readerOf(bill, bench.account.config, biz_date);
          const opened = openedFrom(bill, answer.bytes);
          const whole = await read(answer.bytes);
          assert.ok(!(whole instanceof BillProblem) && whole.lines.length > 4, `${kind}: the genuine file is read`);
          assert.deepEqual(await read(opened.packed(iconv.encode(opened.text, bill.charset))), whole, 'unpacked and packed again it is the same');
          let refused = 0;
          let same = 0;
          const tried = await fuzz(
            changesOf(bill, opened, whole, answer.bytes),
            async (changed) => {
              const found = await read(changed.bytes);
              if (found instanceof BillProblem) {
                refused += 1;
                assert.match(found.reason, /^[^\n]{8,300}$/, changed.what);
                assert.doesNotMatch(found.reason, /undefined|NaN|\[object/, changed.what);
              } else {
                assertHolds(bill, whole, found, changed);
                if (isDeepStrictEqual(factsOf(found.lines), factsOf(whole.lines))) same += 1;
              }
            },
            { runs_min: 400, ms: 300 },
          );
          assert.ok(refused > 0 && same > 0, `${refused} refused and ${same} the same, of ${tried}`);
          runs += tried;
          t.diagnostic(`${kind}: ${refused} of ${tried} refused, ${same} said the same`);
        }
      } finally {
        await bench.close();
      }
    });
  }
  it('inputs tried', (t) => t.diagnostic(`${runs} inputs, seed ${seed}`));
});
