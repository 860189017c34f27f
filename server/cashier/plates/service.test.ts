import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Payment, Plate } from '@heliu/contract';
import { sql } from 'kysely';
import { newId } from '../../kernel/id.ts';
import { plate_guesses_burst, print_link_ms } from '../../kernel/limits.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { findPlateByCode } from './service.ts';
import { openPlate, type PlateTap, payPlate } from './taps/service.ts';
import { aBatch, aPlate, aTerminal } from './testing/plate.ts';

/** Code plates over the API, and the taps of payers on two nodes. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
});
after(() => world.close());

const get = (path: string, of = shop) => world.flow(world.api('GET', path, { key: of.key }));
const codeOf = ({ url }: Plate) => url.slice(-26);
const refused = (answer: { status: number; body: { error?: { code: string } } }, status: number, code: string) =>
  assert.deepEqual([answer.status, answer.body.error?.code], [status, code]);

let taps = 0;
const aTap = (plate: Plate, fields: Partial<PlateTap> = {}): PlateTap => ({
  code: codeOf(plate),
  address: '203.0.113.7',
  tap: `tap-${String(++taps).padStart(20, '0')}`,
  amount_fen: 100,
  pay: { method: 'wechat_qr' },
  ...fields,
});
const node = (at: number) => (world.nodes[at] as World['nodes'][number]).ctx;
const tapOn = (plate: Plate, fields: Partial<PlateTap> = {}, at = 0): Promise<Payment> => world.flow(payPlate(node(at), aTap(plate, fields)));

describe('stock and binding', () => {
  it('C-02: codes are 130 random bits, each its own, and numbered in their batch', async () => {
    const plates = await aBatch(shop, 100);
    assert.equal(new Set(plates.map(({ url }) => url)).size, 100);
    for (const plate of plates) assert.match(plate.url, /\/c\/p\/[0-9A-HJKMNP-TV-Z]{26}$/);
    assert.deepEqual(
      plates.map(({ serial_no }) => serial_no).toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
    assert.deepEqual([...new Set(plates.map(({ state, terminal_id }) => `${state} ${terminal_id}`))], ['stock null']);
  });

  it('binds to one terminal of kind plate, and keeps every change readable', async () => {
    const plate = await aPlate(shop, { amount_fen_max: 5_000, remark: 'optional' });
    assert.deepEqual([plate.state, plate.amount_fen_max, plate.remark, plate.version], ['active', 5_000, 'optional', 2]);
    const elsewhere = await aTerminal(shop);
    const moved = await shop.made(`/v1/plates/${plate.id}/bind`, { terminal_id: elsewhere.id });
    assert.deepEqual([moved.terminal_id, moved.store_id, moved.url, moved.amount_fen_max], [elsewhere.id, elsewhere.store_id, plate.url, 5_000]);
    await shop.made(`/v1/plates/${plate.id}`, { fixed_amount_fen: 990, amount_fen_max: null });
    await shop.made(`/v1/plates/${plate.id}/disable`);
    await shop.made(`/v1/plates/${plate.id}/disable`);
    const now = await shop.made(`/v1/plates/${plate.id}/enable`);
    assert.deepEqual([now.state, now.fixed_amount_fen, now.amount_fen_max, now.version], ['active', 990, null, 6]);
    const first = (await get(`/v1/plates/${plate.id}/changes?limit=2`)).body;
    const second = (await get(`/v1/plates/${plate.id}/changes?limit=9&cursor=${first.next_cursor}`)).body;
    assert.deepEqual(
      [...first.data, ...second.data].map(({ change, version, terminal_id }) => [version, change, terminal_id]),
      [
        [6, 'enabled', elsewhere.id],
        [5, 'disabled', elsewhere.id],
        [4, 'updated', elsewhere.id],
        [3, 'rebound', elsewhere.id],
        [2, 'bound', plate.terminal_id],
      ],
    );
  });

  it('K-08: one code, one terminal: also when two plates reach for it at the same time', async () => {
    const plates = await aBatch(shop, 6);
    const terminal = await aTerminal(shop);
    const answers = await world.flow(
      Promise.all(plates.map(({ id }, at) => shop.ask(`/v1/plates/${id}/bind`, { terminal_id: terminal.id }, { node: at % 2 }))),
    );
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [200, ...Array(5).fill('plate_terminal_taken')]);
    // A disabled plate gives its terminal free for the one that replaces it, and cannot take it back.
    const [bound, other] = [answers.find(({ status }) => status === 200)?.body, plates.find(({ id }, at) => answers[at]?.status !== 200 && id)];
    await shop.made(`/v1/plates/${bound.id}/disable`);
    await shop.made(`/v1/plates/${other?.id}/bind`, { terminal_id: terminal.id });
    refused(await shop.post(`/v1/plates/${bound.id}/enable`, undefined), 409, 'plate_terminal_taken');
  });

  it('refuses terminals of another kind, closed ones and those of others; stock has nothing to change', async () => {
    const [plate] = await aBatch(shop);
    const neighbour = await newShop(world);
    const closed = await aTerminal(shop);
    await shop.made(`/v1/terminals/${closed.id}/close`);
    const bind = (terminal_id: string) => shop.post(`/v1/plates/${plate?.id}/bind`, { terminal_id });
    refused(await bind((await aTerminal(shop, 'pos')).id), 422, 'plate_terminal_kind');
    refused(await bind(closed.id), 409, 'terminal_closed');
    refused(await bind((await aTerminal(neighbour)).id), 404, 'terminal_not_found');
    refused(await shop.post(`/v1/plates/${plate?.id}`, { fixed_amount_fen: 1 }), 409, 'plate_not_bound');
    refused(await shop.post(`/v1/plates/${plate?.id}/disable`, undefined), 409, 'plate_not_bound');
  });
});

describe('a scan', () => {
  it('shows who is paid and what the plate takes, and nothing of the merchant beside', async () => {
    const plate = await aPlate(shop, { fixed_amount_fen: 1_280, remark: 'required' });
    const opened = await world.flow(openPlate(node(1), { code: codeOf(plate), address: '203.0.113.8' }));
    assert.deepEqual(opened, {
      plate_id: plate.id,
      livemode: false,
      merchant_id: shop.merchant.id,
      merchant_name: shop.merchant.name,
      store_name: '南京东路店',
      fixed_amount_fen: 1_280,
      amount_fen_max: undefined,
      remark: 'required',
    });
  });

  it('C-07: a code that is off, unbound, or at a closed terminal opens nothing, and is counted', async () => {
    const [unbound] = await aBatch(shop);
    const plate = await aPlate(shop);
    const closed = await aPlate(shop);
    await shop.made(`/v1/plates/${plate.id}/disable`);
    await shop.made(`/v1/terminals/${closed.terminal_id}/close`);
    const open = (one: Plate) => openPlate(node(0), { code: codeOf(one), address: '203.0.113.9' });
    await assert.rejects(open(unbound as Plate), refusedWith({ refused: 'plate_not_bound' }));
    await assert.rejects(open(plate), refusedWith({ refused: 'plate_disabled' }));
    await assert.rejects(open(closed), refusedWith({ refused: 'terminal_closed' }));
    assert.match(await node(0).metrics.expose(), /heliu_plate_scans_refused_total\{state="disabled"\} [1-9]/);
    await assert.rejects(tapOn(plate), refusedWith({ refused: 'plate_disabled' }));
  });

  it('C-02: guesses of codes are slowed down for who guesses, and nobody else', async () => {
    const plate = await aPlate(shop);
    const guess = () => openPlate(node(0), { code: 'Z'.repeat(26), address: '198.51.100.1' });
    for (let at = 0; at < plate_guesses_burst; at++) await assert.rejects(guess(), refusedWith({ refused: 'plate_not_found' }));
    await assert.rejects(guess(), refusedWith({ refused: 'rate_limited' }));
    await openPlate(node(0), { code: codeOf(plate), address: '198.51.100.2' });
    for (let at = 0; at < 3 * plate_guesses_burst; at++) await openPlate(node(0), { code: codeOf(plate), address: '198.51.100.3' });
  });
});

describe('a tap', () => {
  it('makes a payment at the plate’s terminal, with the remark', async () => {
    const plate = await aPlate(shop, { remark: 'optional' });
    const payment = await tapOn(plate, { amount_fen: 1_234, remark: '三号桌' });
    assert.deepEqual([payment.amount_fen, payment.store_id, payment.terminal_id], [1_234, plate.store_id, plate.terminal_id]);
    assert.deepEqual(payment.metadata, { plate_id: plate.id, remark: '三号桌' });
    assert.equal(payment.subject, `${shop.merchant.name} 南京东路店`);
    assert.equal(payment.next_action.type, 'show_qr');
  });

  it('C-03: the same tap is the same payment, twenty times on two nodes; in another wallet, its next attempt', async () => {
    const plate = await aPlate(shop, { daily_count_max: 1 });
    const tap = aTap(plate);
    const payments = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => payPlate(node(at % 2), tap))));
    assert.equal(new Set(payments.map(({ id }) => id)).size, 1);
    const switched = await world.flow(payPlate(node(0), { ...tap, pay: { method: 'alipay_qr' } }));
    assert.deepEqual([switched.id, switched.attempt?.method], [payments[0]?.id, 'alipay_qr']);
    await assert.rejects(tapOn(plate, { tap: tap.tap, amount_fen: 200 }), refusedWith({ refused: 'merchant_order_no_taken' }));
    await assert.rejects(tapOn(plate), refusedWith({ refused: 'plate_limit_reached' }));
  });

  it('C-08 C-01: takes no other amount than the fixed one and none above the limit, whatever the page sends', async () => {
    const fixed = await aPlate(shop, { fixed_amount_fen: 990 });
    for (const amount_fen of [1, 989, 991]) await assert.rejects(tapOn(fixed, { amount_fen }), refusedWith({ refused: 'plate_amount_refused' }));
    assert.equal((await tapOn(fixed, { amount_fen: 990 })).amount_fen, 990);
    const limited = await aPlate(shop, { amount_fen_max: 500, remark: 'required' });
    await assert.rejects(tapOn(limited, { amount_fen: 501, remark: 'x' }), refusedWith({ refused: 'plate_amount_refused' }));
    await assert.rejects(tapOn(limited, { amount_fen: 500 }), refusedWith({ refused: 'parameter_missing' }));
    await assert.rejects(tapOn(fixed, { amount_fen: 990, remark: 'x' }), refusedWith({ refused: 'parameter_unknown' }));
    for (const tap of ['', 'short', 'x'.repeat(65), '../../../../../../etc', 'tap tap tap tap tap']) {
      await assert.rejects(tapOn(fixed, { tap, amount_fen: 990 }), refusedWith({ refused: 'parameter_invalid' }));
    }
  });

  it('C-08: the day’s limit holds exactly, for taps at the same time on two nodes', async () => {
    const plate = await aPlate(shop, { daily_amount_fen_max: 1_000 });
    const work = Array.from({ length: 24 }, (_, at) => payPlate(node(at % 2), aTap(plate, { amount_fen: 300 })));
    const results = await world.flow(Promise.allSettled(work));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
    for (const result of results) if (result.status === 'rejected') assert.ok(refusedWith({ refused: 'plate_limit_reached' })(result.reason));
    assert.equal((await tapOn(plate, { amount_fen: 100 })).amount_fen, 100);
    await assert.rejects(tapOn(plate, { amount_fen: 1 }), refusedWith({ refused: 'plate_limit_reached' }));
  });

  it('C-08: a tap that is sent with two amounts at the same time takes the larger one only with its whole part of the day', async () => {
    const plate = await aPlate(shop, { daily_amount_fen_max: 1_000 });
    const tap = aTap(plate, { amount_fen: 1 });
    const results = await world.flow(Promise.allSettled([1, 5_000, 1, 5_000].map((amount_fen, at) => payPlate(node(at % 2), { ...tap, amount_fen }))));
    const made_fen = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.amount_fen] : []));
    assert.deepEqual(made_fen, [1, 1]);
    // One that was cut off between its place and its payment keeps its amount too.
    const late = aTap(plate, { amount_fen: 2 });
    const cut = { ...node(0), channels: { ...node(0).channels }, rng: { bytes: () => assert.fail('the node died') } };
    await assert.rejects(payPlate(cut as never, late), /the node died/);
    await assert.rejects(tapOn(plate, { tap: late.tap, amount_fen: 900 }), refusedWith({ refused: 'merchant_order_no_taken' }));
  });

  it('a payment that is closed unpaid gives its part back; a paid one keeps it, until the day in Shanghai is over', async () => {
    const plate = await aPlate(shop, { daily_count_max: 1 });
    const first = await tapOn(plate);
    await assert.rejects(tapOn(plate), refusedWith({ refused: 'plate_limit_reached' }));
    await shop.made(`/v1/payments/${first.id}/close`);
    const second = await tapOn(plate);
    assert.ok(await shop.pay(second as never));
    await shop.reaches(second.id, 'paid');
    await assert.rejects(tapOn(plate), refusedWith({ refused: 'plate_limit_reached' }));
    // The test begins at 10:00 in Shanghai: what was tapped on another day does not count.
    await sql`update plate_taps set biz_date = '2026-11-21' where plate_id = ${plate.id}`.execute(world.ctx.db.kysely);
    assert.equal((await tapOn(plate)).state, 'pending');
  });

  it('a tap that is refused takes nothing of the limit', async () => {
    const neighbour = await newShop(world);
    const plate = await aPlate(neighbour, { daily_count_max: 1 });
    await assert.rejects(tapOn(plate, { pay: { method: 'wechat_jsapi' } }), refusedWith({ refused: 'parameter_missing' }));
    assert.equal((await tapOn(plate)).state, 'pending');
  });

  it('a tap that was cut off between its place and its payment finds both again', async () => {
    const plate = await aPlate(shop, { daily_count_max: 1 });
    const tap = aTap(plate);
    const cut = { ...node(0), channels: { ...node(0).channels }, rng: { bytes: () => assert.fail('the node died') } };
    await assert.rejects(payPlate(cut as never, tap), /the node died/);
    await assert.rejects(tapOn(plate), refusedWith({ refused: 'plate_limit_reached' }));
    assert.equal((await world.flow(payPlate(node(1), tap))).state, 'pending');
  });

  it('C-08: the place of a small tap is not a larger one’s, whether its payment was made or not', async () => {
    const plate = await aPlate(shop, { daily_amount_fen_max: 1_000 });
    const tap = aTap(plate, { amount_fen: 1 });
    const cut = { ...node(0), channels: { ...node(0).channels }, rng: { bytes: () => assert.fail('the node died') } };
    await assert.rejects(payPlate(cut as never, tap), /the node died/);
    await assert.rejects(world.flow(payPlate(node(1), { ...tap, amount_fen: 5_000 })), refusedWith({ refused: 'merchant_order_no_taken' }));
    assert.equal((await world.flow(payPlate(node(1), tap))).amount_fen, 1);
    await assert.rejects(tapOn(plate, { amount_fen: 1_000 }), refusedWith({ refused: 'plate_limit_reached' }));
  });
});

describe('files for the printer', () => {
  const fetchFile = async (url: string) => {
    const answer = await fetch(url);
    return { status: answer.status, type: answer.headers.get('content-type'), body: Buffer.from(await answer.arrayBuffer()), answer };
  };

  it('are SVG, PNG and PDF of both sizes, with Chinese names drawn as outlines', async () => {
    const plate = await aPlate(shop, { fixed_amount_fen: 1_280 });
    const beginnings = { svg: '<svg xmlns', png: '\x89PNG', pdf: '%PDF-' };
    for (const [format, beginning] of Object.entries(beginnings)) {
      for (const size of ['a6', 'a5']) {
        const { url } = await shop.made(`/v1/plates/${plate.id}/print`, { format, size });
        const file = await fetchFile(url);
        assert.equal(file.status, 200);
        assert.equal(file.body.toString('latin1', 0, beginning.length), beginning);
        assert.ok(file.answer.headers.get('content-disposition')?.includes(`${plate.id}-${size}.${format}`));
      }
    }
    const svg = (await fetchFile((await shop.made(`/v1/plates/${plate.id}/print`, { format: 'svg', size: 'a6' })).url)).body.toString();
    assert.ok(!svg.includes('<text') && !svg.includes('href') && !svg.includes('<script'));
    assert.match(svg, /width="148mm" height="105mm"/);
  });

  it('of a batch come in one zip, a file for each plate under a name of ids', async () => {
    const plates = await aBatch(shop, 3);
    const { url } = await shop.made(`/v1/plate_batches/${plates[0]?.batch_id}/print`, { format: 'svg', size: 'a6' });
    const zip = (await fetchFile(url)).body;
    const { unzipSync } = await import('fflate');
    const files = unzipSync(zip);
    assert.deepEqual(Object.keys(files).toSorted(), plates.map(({ serial_no, id }) => `000${serial_no}-${id}-a6.svg`).toSorted());
    for (const file of Object.values(files)) assert.ok(Buffer.from(file).toString().endsWith('</svg>\n'));
  });

  it('C-02: a link is sealed and ends: changed, late or made up it opens nothing', async () => {
    const plate = await aPlate(shop);
    const { url, expires_at } = await shop.made(`/v1/plates/${plate.id}/print`, { format: 'svg', size: 'a6' });
    const token = new URL(url).searchParams.get('token') as string;
    const at = Math.floor(token.length / 2);
    for (const bad of ['', 'x', `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`, token.slice(0, -4)]) {
      assert.equal((await fetchFile(url.replace(token, bad))).status, 404);
    }
    assert.ok(Date.parse(expires_at) - world.clock.now().getTime() <= print_link_ms);
    world.clock.advance(print_link_ms);
    assert.equal((await fetchFile(url)).status, 404);
  });
});

it('E-01: a plate of another merchant is as absent as one that never was', async () => {
  const neighbour = await newShop(world);
  const plate = await aPlate(neighbour);
  const nobodys = newId('plate', world.clock.now(), world.ctx.rng);
  for (const path of ['', '/bind', '/disable', '/enable', '/print']) {
    const body =
      path === '/bind' ? { terminal_id: plate.terminal_id } : path === '/print' ? { format: 'svg', size: 'a6' } : path === '' ? { remark: 'none' } : undefined;
    for (const id of [plate.id, nobodys]) refused(await shop.post(`/v1/plates/${id}${path}`, body), 404, 'plate_not_found');
  }
  refused(await get(`/v1/plates/${plate.id}/changes`), 404, 'plate_not_found');
  assert.equal((await findPlateByCode(world.ctx, codeOf(plate)))?.merchant_id, neighbour.merchant.id);
});
