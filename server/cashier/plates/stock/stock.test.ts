import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import { refusedWith } from '../../../testing/refusals.ts';
import { aWorld, type World } from '../../../testing/world.ts';
import { aTerminal } from '../testing/plate.ts';
import { assignStock, type Claim, listStock, makeStock, printStock, stockOf } from './service.ts';

/** Plates that belong to the platform until a shop has them. */
let world: World;
let shop: Shop;
let neighbour: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
  neighbour = await newShop(world);
});
after(() => world.close());

async function aStock(count: number) {
  const { batch, claims } = await makeStock(world.ctx, { livemode: false, name: '首批库存', count });
  return { batch, claims: claims as [Claim, ...Claim[]] };
}
const claim = ({ stock_no, claim_code }: Pick<Claim, 'stock_no' | 'claim_code'>, of = shop, node = 0) =>
  of.ask('/v1/plates/claim', { stock_no, claim_code }, { node });
const scan = (url: string, language = 'zh-CN') => world.flow(fetch(url, { headers: { 'accept-language': language } }));
const urlOf = (code: string) => `${world.ctx.config.public_url}/c/p/${code}`;
const refused = ({ status, body }: { status: number; body: { error?: { code: string } } }, wanted_status: number, code: string) =>
  assert.deepEqual([status, body.error?.code], [wanted_status, code]);
const history = async (id: string, of = shop) =>
  (await of.read(`/v1/plates/${id}/changes`)).data.map(({ change, version, terminal_id, api_key_id }: Record<string, unknown>) => [
    version,
    change,
    terminal_id,
    api_key_id === null ? 'operator' : 'key',
  ]);

describe('a plate of stock', () => {
  it('tells whoever scans it that it is not in use yet, in both languages, and takes nothing', async () => {
    const { batch } = await aStock(1);
    const [plate] = await stockOf(world.ctx, batch.id);
    assert.ok(plate);
    const page = await scan(urlOf(plate.code));
    const text = await page.text();
    assert.deepEqual([page.status, text.includes('码牌尚未启用'), text.includes('<form')], [409, true, false]);
    assert.match(await (await scan(urlOf(plate.code), 'en')).text(), /This code is not in use yet/);
    const pressed = await world.flow(fetch(urlOf(plate.code), { method: 'POST', body: new URLSearchParams({ amount: '1', tap: 'a'.repeat(32) }) }));
    assert.equal(pressed.status, 409);
    assert.equal((await scan(urlOf('0'.repeat(26)))).status, 404);
  });

  it('is claimed by its number and claim code, bound to a terminal, and takes a payment under the code that was printed', async () => {
    const { batch, claims } = await aStock(2);
    const [printed] = await stockOf(world.ctx, batch.id);
    const typed = { stock_no: claims[0].stock_no.toLowerCase().replace('-', ' '), claim_code: ` ${claims[0].claim_code} ` };
    const { body: plate, status } = await world.flow(claim(typed));
    assert.equal(status, 200, JSON.stringify(plate));
    assert.deepEqual([plate.id, plate.state, plate.url, plate.serial_no], [printed?.id, 'stock', urlOf(printed?.code ?? ''), 1]);
    assert.match(await (await scan(plate.url)).text(), /码牌尚未启用/);
    const { id: terminal_id } = await aTerminal(shop);
    await shop.made(`/v1/plates/${plate.id}/bind`, { terminal_id });
    const tap = /name="tap" value="([^"]+)"/.exec(await (await scan(plate.url)).text())?.[1] ?? '';
    const pressed = await world.flow(fetch(plate.url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ amount: '8.80', tap }) }));
    assert.equal(pressed.status, 303);
    const [payment] = (await shop.read(`/v1/payments?terminal_id=${terminal_id}`)).data;
    assert.deepEqual([payment.amount_fen, payment.metadata.plate_id], [880, plate.id]);
    assert.deepEqual(await history(plate.id), [
      [3, 'bound', terminal_id, 'key'],
      [2, 'claimed', null, 'key'],
    ]);
    const own_batch = await world.flow(world.api('GET', `/v1/plate_batches/${batch.id}`, { key: shop.key }));
    assert.deepEqual([own_batch.body.name, own_batch.body.count], ['首批库存', 1]);
  });

  it('E-01: becomes one merchant’s: of many who claim it at once, on two nodes, one; the same one as often as it asks', async () => {
    const { claims } = await aStock(1);
    const answers = await world.flow(Promise.all(Array.from({ length: 10 }, (_, at) => claim(claims[0], at % 2 ? neighbour : shop, at < 5 ? 0 : 1))));
    const owners = new Set(answers.flatMap(({ status }, at) => (status === 200 ? [at % 2] : [])));
    assert.equal(owners.size, 1, answers.map(({ text }) => text).join('\n'));
    const lost = answers.filter(({ status }) => status !== 200);
    assert.equal(lost.length, 5);
    for (const answer of lost) refused(answer, 409, 'plate_claimed');
    const [owner, other] = owners.has(0) ? [shop, neighbour] : [neighbour, shop];
    const id = answers.find(({ status }) => status === 200)?.body.id;
    assert.equal((await world.flow(world.api('GET', `/v1/plates/${id}`, { key: owner.key }))).status, 200);
    assert.equal((await world.flow(world.api('GET', `/v1/plates/${id}`, { key: other.key }))).status, 404);
    assert.deepEqual((await history(id, owner)).length, 1);
  });

  it('is claimed by nobody with a wrong code, the code of another plate, or a key of the other mode', async () => {
    const { claims } = await aStock(2);
    const [first, second] = claims;
    assert.ok(second);
    for (const wrong of [
      { ...first, claim_code: second.claim_code },
      { ...first, claim_code: 'AAAAA-AAAAA' },
      { ...first, claim_code: '??????????' },
      { ...first, stock_no: 'ZZZZZ-ZZZZZ' },
    ])
      refused(await world.flow(claim(wrong)), 404, 'plate_claim_wrong');
    const live = await world.newKey(shop.merchant.id, true, ['plates:write']);
    const body = { stock_no: first.stock_no, claim_code: first.claim_code };
    refused(await world.flow(world.api('POST', '/v1/plates/claim', { key: live, body })), 404, 'plate_claim_wrong');
    const rows = JSON.stringify(await world.ctx.db.kysely.selectFrom('plate_stock').selectAll().execute());
    for (const { claim_code } of claims) assert.ok(!rows.includes(claim_code.replace('-', '')));
  });
});

describe('the operator', () => {
  it('assigns a span of a batch to whom it is sent to, once, and never what another has', async () => {
    const { batch, claims } = await aStock(10);
    const span = { batch_id: batch.id, from: 1, through: 4 };
    assert.equal(await assignStock(world.ctx, { ...span, merchant_id: shop.merchant.id }), 4);
    assert.equal(await assignStock(world.ctx, { ...span, through: 5, merchant_id: shop.merchant.id }), 1);
    await assert.rejects(
      assignStock(world.ctx, { ...span, from: 5, through: 9, merchant_id: neighbour.merchant.id }),
      refusedWith({ refused: 'plate_claimed' }),
    );
    await assert.rejects(
      assignStock(world.ctx, { ...span, batch_id: 'plb_0', merchant_id: shop.merchant.id }),
      refusedWith({ refused: 'plate_batch_not_found' }),
    );
    const { data } = await shop.read(`/v1/plates?plate_batch_id=${batch.id}`);
    assert.deepEqual(data.map(({ serial_no }: { serial_no: number }) => serial_no).toSorted(), [1, 2, 3, 4, 5]);
    assert.deepEqual(await history(data[0].id), [[2, 'assigned', null, 'operator']]);
    assert.equal((await world.flow(claim(claims[0], neighbour))).body.error.code, 'plate_claimed');
    const [newest] = await listStock(world.ctx, 1);
    assert.deepEqual([newest?.id, newest?.count, newest?.in_stock], [batch.id, 10, 5]);
  });

  it('prints what is still in stock: a file each with the number, and nobody’s name or claim code', async () => {
    const { batch, claims } = await aStock(3);
    await assignStock(world.ctx, { batch_id: batch.id, from: 2, through: 2, merchant_id: shop.merchant.id });
    const files = unzipSync(await buffer(await printStock(world.ctx, batch.id, { format: 'svg', size: 'a6' })));
    assert.deepEqual(
      Object.keys(files).map((name) => name.slice(0, 4)),
      ['0001', '0003'],
    );
    const [svg] = Object.values(files).map((file) => Buffer.from(file).toString('utf8'));
    assert.match(svg ?? '', /^<svg/);
    for (const { claim_code } of claims) assert.ok(!svg?.includes(claim_code));
  });
});
