import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32, createGunzip } from 'node:zlib';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';
import { bill_adjustments_max, bill_entries_max, bill_line_length_max, bill_lines_max, bill_ratio_max, bill_text_bytes_max } from '../kernel/limits.ts';
import { type Adjustments, type Bill, type BillAdjustment, type BillDigest, type BillLine, BillProblem, type BillSubject, type BillTotals } from './bill.ts';

/**
 * Reads a bill as the channel sent it, without ever holding it unpacked: bytes out of the archive, text out of the bytes,
 * lines out of the text, and the channel's parser over the lines. Every step has its limit, so that a bomb ends early, and
 * whatever is wrong refuses the whole file: what was given out before is the caller's to forget.
 */
export type BillFile = { readonly bytes: Buffer; readonly digest?: BillDigest | undefined };
type Reading<Config> = { readonly bill: Bill<Config>; readonly subject: BillSubject<Config>; readonly file: BillFile };

/** What a whole file came to. */
export type BillRead = { readonly totals: BillTotals; readonly adjustments: readonly BillAdjustment[] };

/** Gives the lines in batches and, at the end, the totals and what is for a person. Throws `BillProblem`. */
export async function* readBill<Config>({ bill, subject, file }: Reading<Config>): AsyncGenerator<readonly BillLine[], BillRead> {
  const parser = bill.parser(subject);
  const adjustments: BillAdjustment[] = [];
  for await (const { first, texts } of linesOf(bill, file, adjustments)) {
    const batch: BillLine[] = [];
    for (const [at, text] of texts.entries()) {
      const read = parser.take(text, first + at);
      if (read) batch.push(read);
    }
    if (batch.length > 0) yield batch;
  }
  return { totals: parser.end(), adjustments };
}

/** The lines that one piece of the file ended. Handed on together: one by one, waiting would cost more than reading (6 µs each, 2026-11-22). */
type Lines = { readonly first: number; readonly texts: readonly string[] };

/** A file is what its first bytes say: people upload what they have unpacked, or saved again, themselves. */
function linesOf<Config>(bill: Bill<Config>, { bytes, digest }: BillFile, adjustments: BillAdjustment[]): AsyncGenerator<Lines> {
  if (bytes.length === 0) throw new BillProblem('the file is empty');
  if (bytes.readUInt16BE(0) === 0x1f8b) return decode(bill, checked(gunzip(bytes), digest, bytes));
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x504b0304) return zipLines(bill, bytes, adjustments);
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x504b0506) throw new BillProblem('the archive is empty');
  return decode(bill, checked(pieces(bytes), digest, bytes));
}

/** In pieces: what is made of a piece is let go before the next. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
}
const piece_bytes = 64 * 1024;

/** What may come out of so many bytes. Small files may be packed tighter: a bill of one merchant repeats itself. */
const unpackedMax = (packed_bytes: number): number => Math.min(bill_text_bytes_max, Math.max(packed_bytes * bill_ratio_max, 4 * 1024 * 1024));

async function* limited(source: AsyncIterable<Buffer>, bytes_max: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > bytes_max) throw new BillProblem('the file unpacks to more than a bill can be');
    yield chunk;
  }
}

/** One gzip member to the last byte: what follows it, or is missing of it, was not sent by the channel. An empty member before it goes unseen: it adds no line. */
async function* gunzip(bytes: Buffer): AsyncGenerator<Buffer> {
  const unpacking = createGunzip({ chunkSize: 4 * piece_bytes });
  const source = Readable.from([bytes]);
  source.pipe(unpacking);
  let unpacked = 0;
  try {
    for await (const chunk of limited(unpacking as AsyncIterable<Buffer>, unpackedMax(bytes.length))) {
      unpacked += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (error instanceof BillProblem) throw error;
    throw new BillProblem('the file is not whole gzip');
  } finally {
    unpacking.destroy();
  }
  if (unpacking.bytesWritten !== bytes.length) throw new BillProblem('something follows the packed file');
  // zlib reads every member and gives their texts as one. The last four bytes are the length of the last member alone.
  if (bytes.readUInt32LE(bytes.length - 4) !== unpacked) throw new BillProblem('a second packed file follows the first');
}

/** The digest that the channel gave: of the text, as its own libraries compute it, or of the bytes that came. */
async function* checked(source: AsyncIterable<Buffer> | Iterable<Buffer>, digest: BillDigest | undefined, packed: Buffer): AsyncGenerator<Buffer> {
  const hash = digest && createHash(digest.algorithm);
  for await (const chunk of source) {
    hash?.update(chunk);
    yield chunk;
  }
  if (!digest || !hash) return;
  const found = [hash.digest('hex'), createHash(digest.algorithm).update(packed).digest('hex')];
  if (!found.includes(digest.hex)) throw new BillProblem('the file is not the one whose digest the channel gave');
}

/** Text in the bill's own charset, or in UTF-8 where somebody saved it again; line by line, whatever ends a line. */
async function* decode<Config>({ charset }: Bill<Config>, source: AsyncIterable<Buffer>): AsyncGenerator<Lines> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let rest = '';
  let line = 0;
  const split = (text: string, is_last: boolean): Lines => {
    const texts = (rest + text).split('\n');
    rest = is_last ? '' : (texts.pop() as string);
    if (rest.length > bill_line_length_max) throw new BillProblem('the line is longer than a line can be', line + texts.length + 1);
    if (is_last && texts.at(-1) === '') texts.pop();
    const first = line + 1;
    for (const [at, raw] of texts.entries()) {
      line += 1;
      if (line > bill_lines_max) throw new BillProblem('the file has more lines than a bill can have', line);
      const ended = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (ended.length > bill_line_length_max) throw new BillProblem('the line is longer than a line can be', line);
      if (control_characters.test(ended)) throw new BillProblem('the line holds a control character', line);
      texts[at] = ended;
    }
    return { first, texts };
  };
  const read = (chunk: Buffer | undefined): string => {
    try {
      return decoder?.decode(chunk, { stream: chunk !== undefined }) ?? '';
    } catch {
      throw new BillProblem(`the text is not ${decoder?.encoding}`, line + 1);
    }
  };
  for await (const chunk of source) {
    if (chunk.length === 0) continue;
    decoder ??= new TextDecoder(startsWithBom(chunk) ? 'utf-8' : charset, { fatal: true });
    yield split(read(chunk), false);
  }
  yield split(read(undefined), true);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for; a tab is part of some formats.
const control_characters = /[\u0000-\u0008\u000b-\u001f\ufffd]/;

const startsWithBom = (chunk: Buffer): boolean => chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;

/** The one entry that the bill is in. No name is ever used as a path, so that none can lead anywhere. */
async function* zipLines<Config>(bill: Bill<Config>, bytes: Buffer, adjustments: BillAdjustment[]): AsyncGenerator<Lines> {
  const zip = await openZip(bytes);
  try {
    let found: Entry | undefined;
    let beside: Entry | undefined;
    for (const entry of await entriesOf(zip, bytes.length)) {
      const first_line = await firstLine(bill, zip, entry);
      if (bill.isDetail(first_line)) {
        if (found) throw new BillProblem('the archive holds the bill twice');
        found = entry;
      } else if (bill.adjustments?.isOf(nameOf(entry), first_line)) {
        if (beside) throw new BillProblem('the archive holds the adjustments twice');
        beside = entry;
      }
    }
    if (!found) throw new BillProblem('the archive holds no bill of this kind');
    if (bill.adjustments && beside) adjustments.push(...(await readAdjustments(bill.adjustments, decode(bill, entryBytes(zip, beside)))));
    yield* decode(bill, entryBytes(zip, found));
  } finally {
    zip.close();
  }
}

/** Bytes as they stand: archives are opened without decoding their names. */
const nameOf = ({ fileName }: Entry): string => (Buffer.isBuffer(fileName) ? fileName.toString('latin1') : fileName);

async function readAdjustments({ take }: Adjustments, source: AsyncGenerator<Lines>): Promise<readonly BillAdjustment[]> {
  const read: BillAdjustment[] = [];
  for await (const { first, texts } of source)
    for (const [at, text] of texts.entries()) {
      const adjustment = take(text, first + at);
      if (adjustment) read.push(adjustment);
      if (read.length > bill_adjustments_max) throw new BillProblem(`more than ${bill_adjustments_max} adjustments`, first + at);
    }
  return read;
}

const openZip = (bytes: Buffer): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    // Names stay bytes: they are GBK without a mark, and nothing here needs them.
    fromBuffer(bytes, { lazyEntries: true, decodeStrings: false, validateEntrySizes: true }, (error, zip) =>
      error || !zip ? reject(new BillProblem('the file is not a whole zip archive')) : resolve(zip),
    );
  });

function entriesOf(zip: ZipFile, bytes: number): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let unpacked = 0;
  return new Promise((resolve, reject) => {
    zip.on('error', () => reject(new BillProblem('the file is not a whole zip archive')));
    zip.once('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      unpacked += entry.uncompressedSize;
      const too_much = entries.length > bill_entries_max || unpacked > unpackedMax(bytes);
      if (too_much) return reject(new BillProblem('the archive holds more than a bill can be'));
      if (entry.isEncrypted()) return reject(new BillProblem('the archive is encrypted'));
      zip.readEntry();
    });
    zip.readEntry();
  });
}

async function firstLine<Config>(bill: Bill<Config>, zip: ZipFile, entry: Entry): Promise<string> {
  for await (const { texts } of decode(bill, entryBytes(zip, entry))) if (texts[0] !== undefined) return texts[0];
  return '';
}

/** The entry's bytes, as many as it said, with the checksum that it said. */
async function* entryBytes(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  const stream = await new Promise<Readable>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) => (error || !opened ? reject(new BillProblem('an entry of the archive cannot be read')) : resolve(opened)));
  });
  let sum = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof BillProblem) throw error;
    throw new BillProblem('an entry of the archive is not whole');
  } finally {
    stream.destroy();
  }
  if (sum !== entry.crc32) throw new BillProblem('an entry of the archive is not what its checksum says');
}
