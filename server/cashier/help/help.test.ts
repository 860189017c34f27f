import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cashier_visits_burst, help_requests_per_payment_max, receipt_link_ms } from '../../kernel/limits.ts';
import { newShop, type Shop, shopOf } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';

/** A payer's receipt over HTTP, and what the shop does about a question. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = shopOf(world);
});
after(() => world.close());

const call = async (method: 'GET' | 'POST', path: string, body?: object, of = shop) => world.flow(world.api(method, path, { key: of.key, body }));
const linkOf = async (payment_id: string, of = shop): Promise<string> => (await of.made(`/v1/payments/${payment_id}/receipt_link`, {})).url;
const look = (url: string) => world.flow(fetch(url, { redirect: 'manual', headers: { 'accept-language': 'zh-CN' } }));
const write = (url: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  world.flow(fetch(url, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams(form) }));
const requestsOf = async (payment_id: string) => (await shop.read(`/v1/help_requests?payment_id=${payment_id}`)).data;
const asked = async (kind = 'refund', of = shop) => {
  const payment = await of.paid({ amount_fen: 1280 });
  const url = await linkOf(payment.id, of);
  assert.equal((await write(url, { kind, message: '多付了一份 <b>', contact: '13800000000' })).status, 303);
  const [request] = (await of.read(`/v1/help_requests?payment_id=${payment.id}`)).data;
  return { payment, url, request };
};

describe('a receipt', () => {
  it('shows what was paid and given back, to whoever has the link', async () => {
    const payment = await shop.paid({ amount_fen: 1280, subject: '一杯茶 <i>' });
    const url = await linkOf(payment.id);
    const answer = await look(url);
    const page = await answer.text();
    for (const said of ['支付成功', '12.80', '一杯茶 &lt;i&gt;', '微信', payment.merchant_order_no]) assert.ok(page.includes(said), said);
    assert.deepEqual([answer.headers.get('cache-control'), answer.headers.get('x-frame-options')], ['no-store', 'DENY']);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    await shop.post('/v1/refunds', shop.refundOrder(payment.id, 1280));
    await world.until(async () => (await (await look(url)).text()).includes('已全额退款'));
  });

  it('never says paid before Heliu knows it, and leads there from the page of the payment', async () => {
    const session = (await shop.post('/v1/checkout_sessions', { merchant_order_no: 'h-1', amount_fen: 1280, subject: '茶' })).body;
    assert.ok((await (await look(await linkOf(session.payment_id))).text()).includes('尚未付款'));
    assert.ok(!(await (await look(session.url)).text()).includes('/c/receipt'));
    await shop.post(`/v1/checkout_sessions/${session.id}/expire`, {});
    const over = await (await look(session.url)).text();
    const url = /href="([^"]+\/c\/receipt\?t=[^"]+)"/.exec(over)?.[1];
    assert.ok(url, over);
    const page = await (await look(url)).text();
    assert.ok(page.includes('订单未付款，已关闭') && !page.includes('支付成功'));
  });

  it('C-02 is opened by no link that was changed, made up, or is over', async () => {
    const payment = await shop.paid();
    const url = await linkOf(payment.id);
    const token = new URL(url).searchParams.get('t') ?? '';
    const changed = token.slice(0, 30) + (token[30] === 'A' ? 'B' : 'A') + token.slice(31);
    for (const other of ['', 'x', changed, token.slice(0, -4), `${token}AAAA`, payment.id]) {
      const answer = await look(`${url.split('?')[0]}?t=${encodeURIComponent(other)}`);
      assert.equal(answer.status, 404, other);
      assert.ok(!(await answer.text()).includes(payment.merchant_order_no));
      assert.equal((await write(`${url.split('?')[0]}?t=${encodeURIComponent(other)}`, { kind: 'question', message: 'x' })).status, 404);
    }
    const now = world.clock.now().getTime();
    world.clock.advance(receipt_link_ms);
    assert.equal((await look(url)).status, 404);
    world.clock.advance(now - world.clock.now().getTime());
  });
});

describe('a question of a payer', () => {
  it('reaches the shop by API and webhook; its words are sealed, and not in the event', async () => {
    const { payment, url, request } = await asked();
    assert.deepEqual(
      [request.kind, request.state, request.message, request.contact, request.answer],
      ['refund', 'opened', '多付了一份 <b>', '13800000000', null],
    );
    await world.until(() => world.inbox.some(({ type, body }) => type === 'help_request.opened' && body.includes(request.id)));
    const told = world.inbox.find(({ body }) => body.includes(request.id));
    assert.ok(told && !told.body.includes('多付') && !told.body.includes('13800000000') && told.body.includes(payment.id));
    const row = await world.ctx.db.kysely.selectFrom('help_requests').selectAll().where('id', '=', request.id).executeTakeFirstOrThrow();
    assert.ok(!row.said_sealed.includes('多付') && !row.said_sealed.includes('13800000000'));
    const page = await (await look(url)).text();
    assert.ok(page.includes('等待商户答复') && page.includes('多付了一份 &lt;b&gt;') && !page.includes('<textarea'));
  });

  it('is one, however often and wherever it is sent; after the answer the payer may ask again, a few times', async () => {
    const payment = await shop.paid();
    const url = await linkOf(payment.id);
    await Promise.all(Array.from({ length: 10 }, () => write(url, { kind: 'question', message: '在吗' })));
    assert.equal((await requestsOf(payment.id)).length, 1);
    assert.match(await (await write(url, { kind: 'question', message: '在吗' })).text(), /还在等待商户答复/);
    for (let turn = 1; turn <= help_requests_per_payment_max; turn++) {
      const [open] = await requestsOf(payment.id);
      await shop.made(`/v1/help_requests/${open.id}/answer`, { answer: '在的' });
      world.clock.advance(1_000);
      await write(url, { kind: 'question', message: '再问' });
    }
    assert.equal((await requestsOf(payment.id)).length, help_requests_per_payment_max);
    assert.ok((await (await look(url)).text()).includes('在的'));
  });

  it('that is empty, too long, or sent by another site is not taken, and what was typed stays', async () => {
    const payment = await shop.paid();
    const url = await linkOf(payment.id);
    for (const [form, headers] of [
      [{ kind: 'question', message: '' }, {}],
      [{ kind: 'question', message: ' \u200b\n ' }, {}],
      [{ kind: 'question', message: '字'.repeat(501) }, {}],
      [{ kind: 'question', message: '茶', contact: '1'.repeat(61) }, {}],
      [{ kind: 'question', message: '茶' }, { origin: 'https://evil.example' }],
      [{ kind: 'refund', message: '茶' }, { 'sec-fetch-site': 'cross-site' }],
    ] as const) {
      const page = await (await write(url, form, headers)).text();
      assert.match(page, /class="say bad"/, JSON.stringify(form));
      if (form.message === '茶') assert.ok(page.includes('>茶</textarea>'));
      assert.match(page, new RegExp(`value="${form.kind}" checked`));
    }
    assert.equal((await write(url, { kind: 'question', message: 'x'.repeat(9000) })).status, 400);
    assert.deepEqual(await requestsOf(payment.id), []);
  });
});

describe('what the shop does', () => {
  it('I-11 refunds what was asked about once, whoever presses how often on whatever node', async () => {
    const { payment, url, request } = await asked();
    const refund = (amount_fen: number, node: number) =>
      world.api('POST', `/v1/help_requests/${request.id}/refund`, { key: shop.key, node, body: { amount_fen } });
    const answers = await world.flow(Promise.all([refund(640, 0), refund(640, 1), refund(640, 0)]));
    for (const { status, text } of answers) assert.equal(status, 200, text);
    assert.equal(new Set(answers.map(({ body }) => body.refund_id)).size, 1);
    assert.deepEqual([answers[0]?.body.state, (await shop.refundsOf(payment.id)).length], ['refunded', 1]);
    assert.equal((await world.flow(refund(641, 0))).body.error.code, 'merchant_refund_no_taken');
    assert.ok((await (await look(url)).text()).includes('商户已发起退款'));
    for (const step of ['close', 'answer'])
      assert.equal(
        (await call('POST', `/v1/help_requests/${request.id}/${step}`, step === 'answer' ? { answer: 'x' } : {})).body.error.code,
        'help_request_over',
      );
  });

  it('A-09 cannot refund more than was paid, and then the question stays open', async () => {
    const { request } = await asked();
    assert.equal((await call('POST', `/v1/help_requests/${request.id}/refund`, { amount_fen: 1281 })).body.error.code, 'refund_exceeds_paid');
    assert.equal((await shop.read(`/v1/help_requests/${request.id}`)).state, 'opened');
    assert.equal((await shop.made(`/v1/help_requests/${request.id}/close`, {})).state, 'closed');
    assert.equal((await call('POST', `/v1/help_requests/${request.id}/refund`, { amount_fen: 1 })).body.error.code, 'help_request_over');
  });

  it('is done by the merchant of the payment alone', async () => {
    const other = await newShop(world);
    const { request, payment } = await asked();
    assert.equal((await call('GET', `/v1/help_requests/${request.id}`, undefined, other)).body.error.code, 'help_request_not_found');
    assert.equal((await call('POST', `/v1/help_requests/${request.id}/answer`, { answer: 'x' }, other)).body.error.code, 'help_request_not_found');
    assert.equal((await call('POST', `/v1/payments/${payment.id}/receipt_link`, {}, other)).body.error.code, 'payment_not_found');
    assert.deepEqual((await other.read('/v1/help_requests')).data, []);
    assert.deepEqual((await shop.read('/v1/help_requests?state=opened&limit=1')).data.length, 1);
  });
});

it('C-14 visits of one page, plate or receipt keep nobody from another', async () => {
  const [flooded, other] = [await linkOf((await shop.paid()).id), await linkOf((await shop.paid()).id)];
  const origin = new URL(flooded).origin;
  const statuses = async (urls: readonly string[]) => (await Promise.all(urls.map((url) => fetch(url)))).map(({ status }) => status);
  const flood = await statuses(Array.from({ length: cashier_visits_burst * 2 }, () => flooded));
  assert.ok(flood.includes(429));
  assert.deepEqual(await statuses([other]), [200]);
  const plates = Array.from({ length: cashier_visits_burst * 2 }, (_, at) => `${origin}/c/p/${String(at).padStart(26, '0')}/logo`);
  // Codes that nobody has are slowed down by who tries them, which is another limit: the first are told that there is none.
  assert.ok((await statuses(plates.slice(0, 10))).every((status) => status === 404));
});
