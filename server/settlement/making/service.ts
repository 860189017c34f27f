import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type StatementFormat, type StatementTotals, statement_formats } from '@heliu/contract';
import { canonicalJson } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { statement_chunk_bytes } from '../../kernel/limits.ts';
import { randomHex } from '../../kernel/rng.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { arrivalOf, calendarWith, default_terms } from '../arrival/arrival.ts';
import { type FileWriter, writerOf } from '../files/writer.ts';
import { lineOf } from '../line.ts';
import * as store from '../store.ts';
import { newTally, tally, totalsOf } from '../totals.ts';

/**
 * Makes the files of a statement, piece by piece, and signs what they are. Two workers may be at it when one was thought
 * dead: each writes pieces of its own, and the first that ends makes the statement.
 */
export async function makeStatement(ctx: Ctx, key: { readonly merchant_id: string; readonly id: string }): Promise<void> {
  const row = await store.findStatement(ctx.db.kysely, key);
  if (!row || row.state === 'ready') return;
  const run = randomHex(ctx.rng, 8);
  const files = statement_formats.map((format) => chunked(ctx, row, run, format));
  const { lines, totals } = await writeLines(ctx, row, files);
  for (const file of files) await file.end(totals);
  const facts = files.map(({ facts: of }) => of());
  const { id: signing_key_id, key: private_key } = await signingKey(ctx, row.merchant_id);
  const { merchant_id, livemode, period_from: from, period_through: through, store_id } = row;
  const manifest = canonicalJson({
    statement: row.id,
    merchant_id,
    livemode,
    from,
    through,
    store_id,
    lines: Number(lines),
    totals,
    files: facts,
    signing_key_id,
  });
  const signature = sign(null, Buffer.from(manifest), private_key);
  const done = await store.finishStatement(ctx, key, { run, lines, totals, files: facts, manifest, signature, signing_key_id, ready_at: ctx.clock.now() });
  const kept = done ? run : (await store.findStatement(ctx.db.kysely, key))?.run;
  if (kept) await store.dropChunks(ctx, key, kept);
}

/** Reads page by page up to the number that the book has now, and gives each line to each file. */
async function writeLines(ctx: Ctx, row: store.StatementRow, files: readonly ChunkedFile[]): Promise<{ lines: bigint; totals: StatementTotals }> {
  const up_to_no = await store.lastNo(ctx.db.kysely, row);
  const sums = newTally();
  let lines = 0n;
  let after: store.LinesAfter = { biz_date: '0001-01-01', no: 0n };
  for (;;) {
    const page = await store.readLines(ctx.db.kysely, row, up_to_no, after);
    const last = page.at(-1);
    if (!last) break;
    for (const posting of page) {
      const line = lineOf(posting);
      tally(sums, line);
      for (const { writer } of files) writer.line(line);
    }
    for (const file of files) await file.flush(statement_chunk_bytes);
    lines += BigInt(page.length);
    after = { biz_date: last.biz_date, no: last.no };
  }
  const calendar = calendarWith(await store.readCalendar(ctx));
  const terms = new Map((await store.readTerms(ctx, row.merchant_id)).map((each) => [each.channel_account_id, each]));
  return { lines, totals: totalsOf(sums, (biz_date, account) => arrivalOf(biz_date, terms.get(account) ?? default_terms, calendar)) };
}

type ChunkedFile = {
  readonly writer: FileWriter;
  readonly flush: (at_least: number) => Promise<void>;
  readonly end: (totals: StatementTotals) => Promise<void>;
  readonly facts: () => store.FileFacts;
};

/** A file on its way into the database: what was written is hashed, counted and stored in pieces. */
function chunked(ctx: Ctx, row: store.StatementRow, run: string, format: StatementFormat): ChunkedFile {
  const hash = createHash('sha256');
  let [bytes, nth] = [0, 0];
  let waiting: Uint8Array[] = [];
  let waiting_bytes = 0;
  const writer = writerOf(format, (chunk) => {
    waiting.push(chunk);
    waiting_bytes += chunk.length;
  });
  const flush = async (at_least: number): Promise<void> => {
    if (waiting_bytes < at_least || waiting_bytes === 0) return;
    const chunk = Buffer.concat(waiting);
    waiting = [];
    waiting_bytes = 0;
    hash.update(chunk);
    bytes += chunk.length;
    await store.insertChunk(ctx, row, { run, format, nth: nth++, bytes: chunk });
  };
  return {
    writer,
    flush,
    end: async (totals) => {
      writer.end({ from: row.period_from, through: row.period_through, totals });
      await flush(1);
    },
    facts: () => ({ format, bytes, sha256: hash.copy().digest('hex') }),
  };
}

/** The DER of an Ed25519 private key, up to its 32 bytes (RFC 8410). */
const ed25519_pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const placeOf = (merchant_id: string, id: string) => ({ table: 'statement_keys', column: 'private_key_sealed', merchant_id, row: id });

async function signingKey(ctx: Ctx, merchant_id: string): Promise<{ id: string; key: KeyObject }> {
  const row = (await store.findSigningKey(ctx, merchant_id)) ?? (await store.keepSigningKey(ctx, freshKey(ctx, merchant_id)));
  const der = Buffer.from(ctx.vault.open(row.private_key_sealed, placeOf(merchant_id, row.id)), 'base64');
  return { id: row.id, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}

function freshKey(ctx: Ctx, merchant_id: string): store.SigningKeyRow {
  const created_at = ctx.clock.now();
  const id = newId('statement_key', created_at, ctx.rng);
  const der = Buffer.concat([ed25519_pkcs8, ctx.rng.bytes(32)]);
  const public_key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({ type: 'spki', format: 'der' });
  return { merchant_id, id, public_key, private_key_sealed: ctx.vault.seal(der.toString('base64'), placeOf(merchant_id, id)), created_at };
}
