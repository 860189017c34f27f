import { Readable } from 'node:stream';
import { methods, type PrintBody, type PrintFormat, type PrintSize } from '@heliu/contract';
import { Zip, ZipPassThrough } from 'fflate';
import { channels } from '../../../channels/registry.ts';
import { print_link_ms } from '../../../kernel/limits.ts';
import { formatYuan } from '../../../kernel/money.ts';
import { RefusalError, refuse } from '../../../kernel/refusal.ts';
import { addMs } from '../../../kernel/time.ts';
import { getMerchant, listActiveAccounts } from '../../../merchants/service.ts';
import { retrieveStore } from '../../../merchants/stores/service.ts';
import type { Caller } from '../../../platform/caller.ts';
import type { Ctx } from '../../../platform/ctx.ts';
import { loadGlyphs } from '../../../platform/glyphs.ts';
import { type Plate, plateUrl } from '../plate.ts';
import { ownBatch, ownPlate, platesOfBatch } from '../service.ts';
import { type StockPlate, shownInHalves } from '../stock/stock.ts';
import type { Drawing } from './drawing.ts';
import { drawFace, type Face, textOf } from './face.ts';
import { writeSvg } from './svg.ts';

/** A file for the printer. */
export type PrintFile = { readonly name: string; readonly type: string; readonly body: Buffer | Readable };

type Owner = Pick<Caller, 'merchant_id' | 'livemode'>;
/** What a link stands for; sealed, so that a link is its own permission and nothing has to be stored. */
type Sealed = Owner & PrintBody & { readonly of: 'plate' | 'batch'; readonly id: string; readonly until: number };

const place = { table: 'plates', column: 'print_link', merchant_id: '', row: '' };

/** A link to the file of a plate, or to the zip of a batch. */
export async function linkTo(ctx: Ctx, caller: Owner, of: Sealed['of'], id: string, body: PrintBody): Promise<{ url: string; expires_at: string }> {
  await (of === 'plate' ? ownPlate(ctx, caller, id) : ownBatch(ctx, caller, id));
  const expires_at = addMs(ctx.clock.now(), print_link_ms);
  const { merchant_id, livemode } = caller;
  const sealed: Sealed = { merchant_id, livemode, ...body, of, id, until: expires_at.getTime() };
  const token = ctx.vault.seal(JSON.stringify(sealed), place).toString('base64url');
  return { url: `${ctx.config.public_url}/c/print?token=${token}`, expires_at: expires_at.toISOString() };
}

/** The file that a link stands for. A link that was changed or is over opens nothing. */
export async function openLink(ctx: Ctx, token: string): Promise<PrintFile> {
  const link = readLink(ctx, token);
  if (!link || link.until <= ctx.clock.now().getTime()) throw new RefusalError(refuse('route_unknown'));
  if (link.of === 'plate') return printPlate(ctx, await ownPlate(ctx, link, link.id), link);
  const plates = await platesOfBatch(ctx, await ownBatch(ctx, link, link.id));
  return { name: `plates-${link.id}-${link.size}.zip`, type: 'application/zip', body: Readable.from(zipOf(ctx, plates, link, (plate) => faceOf(ctx, plate))) };
}

function readLink(ctx: Ctx, token: string): Sealed | undefined {
  try {
    return JSON.parse(ctx.vault.open(Buffer.from(token, 'base64url'), place)) as Sealed;
  } catch {
    return undefined;
  }
}

async function printPlate(ctx: Ctx, plate: Plate, { format, size }: PrintBody): Promise<PrintFile> {
  const face = await faceOf(ctx, plate);
  return { name: fileName(plate, size, format), type: types[format], body: await writeFace(ctx, face, size, format) };
}

const types: Readonly<Record<PrintFormat, string>> = { svg: 'image/svg+xml', png: 'image/png', pdf: 'application/pdf' };

type Printed = { readonly serial_no: number; readonly id: string };

/** Names come from ids alone: whoever unpacks gets no path that a person typed. */
const fileName = ({ serial_no, id }: Printed, size: PrintSize, format: PrintFormat): string => `${String(serial_no).padStart(4, '0')}-${id}-${size}.${format}`;

/** Files are written one by one as the reader takes them, so that a batch of a thousand takes the memory of one. */
async function* zipOf<P extends Printed>(
  ctx: Ctx,
  plates: readonly P[],
  { format, size }: PrintBody,
  drawn: (plate: P) => Face | Promise<Face>,
): AsyncGenerator<Uint8Array> {
  const written: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    written.push(chunk);
  });
  for (const plate of plates) {
    const file = new ZipPassThrough(fileName(plate, size, format));
    zip.add(file);
    file.push(await writeFace(ctx, await drawn(plate), size, format), true);
    yield* written.splice(0);
  }
  zip.end();
  yield* written;
}

/** A zip of plates that are nobody's yet: each shows its number, by which whoever gets it claims it, and no name. */
export const zipOfStock = (ctx: Ctx, plates: readonly StockPlate[], body: PrintBody): AsyncGenerator<Uint8Array> =>
  zipOf(ctx, plates, body, ({ code, livemode, stock_no }) => ({
    url: plateUrl(ctx.config.public_url, code),
    merchant_name: '',
    store_name: undefined,
    amount: undefined,
    wallets: [],
    serial: `No. ${shownInHalves(stock_no)}`,
    livemode,
  }));

async function faceOf(ctx: Ctx, plate: Plate): Promise<Face> {
  const { merchant_id, livemode } = plate;
  const owner = { merchant_id, livemode, api_key_id: plate.id, scopes: [] };
  const merchant = await getMerchant(ctx, merchant_id);
  const store = plate.store_id === null ? undefined : await retrieveStore(ctx, owner, plate.store_id);
  return {
    url: plateUrl(ctx.config.public_url, plate.code),
    merchant_name: merchant.name,
    store_name: store?.name,
    amount: plate.fixed_amount_fen === null ? undefined : `¥${formatYuan(plate.fixed_amount_fen)}`,
    wallets: await walletsOf(ctx, owner),
    serial: `No. ${String(plate.serial_no).padStart(4, '0')} · ${plate.id.slice(-8)}`,
    livemode,
  };
}

const wallet_names: Readonly<Record<string, string>> = { wechat: '微信支付', alipay: '支付宝', unionpay: '云闪付', ecny: '数字人民币', bestpay: '翼支付' };

/** Names of the wallets that the merchant's accounts take. */
async function walletsOf(ctx: Ctx, { merchant_id, livemode }: Owner): Promise<string[]> {
  const accounts = await listActiveAccounts(ctx, merchant_id, livemode);
  const served = accounts.flatMap(({ account }) => Object.keys(channels.get(account.channel)?.pay ?? {}) as (keyof typeof methods)[]);
  return [...new Set(served.map((method) => methods[method].wallet))].map((wallet) => wallet_names[wallet] ?? wallet);
}

async function writeFace(ctx: Ctx, face: Face, size: PrintSize, format: PrintFormat): Promise<Buffer> {
  const text = textOf(face);
  const drawing = drawFace(face, size, { 400: await loadGlyphs(text, 400), 700: await loadGlyphs(text, 700) });
  if (format === 'pdf') return writeTent(drawing, ctx.clock.now());
  const svg = Buffer.from(writeSvg(drawing));
  if (format === 'svg') return svg;
  // Loaded when something is printed: a node that never prints starts without it.
  const { default: sharp } = await import('sharp');
  return sharp(svg, { density: png_dpi }).png().toBuffer();
}

/** What printers ask for. */
const png_dpi = 300;
const points_per_mm = 72 / 25.4;

/** A page of two faces, the upper one upside down: folded in the middle it stands on a table and is read from both sides. */
async function writeTent(face: Drawing, at: Date): Promise<Buffer> {
  const { default: PDFDocument } = await import('pdfkit');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const [width, height] = [face.width_mm * points_per_mm, face.height_mm * points_per_mm];
  const page = new PDFDocument({ size: [width, 2 * height], margin: 0, info: { Title: 'Heliu 合流', CreationDate: at } });
  const chunks: Buffer[] = [];
  page.on('data', (chunk: Buffer) => chunks.push(chunk));
  page.once('end', () => resolve(Buffer.concat(chunks)));
  page.once('error', reject);
  page.save().rotate(180, { origin: [width / 2, height / 2] });
  drawOn(page, face);
  page.restore().save().translate(0, height);
  drawOn(page, face);
  page.restore();
  page.end();
  return promise;
}

function drawOn(page: PDFKit.PDFDocument, { shapes }: Drawing): void {
  page.scale(points_per_mm);
  for (const { path, x, y, scale_x, scale_y, fill } of shapes) {
    page.save().transform(scale_x, 0, 0, scale_y, x, y).path(path).fill(fill).restore();
  }
}
