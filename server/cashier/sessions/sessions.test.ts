import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { closeChannelAccount } from '../../merchants/service.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
});
after(() => world.close());

let numbered = 0;
const order = (fields: object = {}) => ({ merchant_order_no: `s-${++numbered}`, amount_fen: 1280, subject: '一杯茶', ...fields });
const create = async (fields: object = {}) => {
  const answer = await shop.post('/v1/checkout_sessions', order(fields));
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const get = (path: string, key = shop.key) => world.flow(world.api('GET', path, { key }));

describe('a checkout session', () => {
  it('comes with its payment, and both say the same', async () => {
    const session = await create({ mode: 'in_store', locale: 'en', allowed_methods: ['alipay_jsapi'], metadata: { table: '12' } });
    const payment = (await get(`/v1/payments/${session.payment_id}`)).body;
    assert.deepEqual([session.state, session.mode, session.locale, session.allowed_methods], ['pending', 'in_store', 'en', ['alipay_jsapi']]);
    assert.deepEqual([payment.state, payment.attempt, payment.metadata], ['pending', null, { table: '12' }]);
    assert.deepEqual(payment.next_action, { type: 'show_qr', qr_content: session.url });
    assert.match(session.url, /\/c\/[0-9A-HJKMNP-TV-Z]{32}$/);
    assert.deepEqual((await get(`/v1/checkout_sessions/${session.id}`)).body, session);
  });

  it('I-36 is one, however often and wherever the same request is sent', async () => {
    const body = order();
    const answers = await world.flow(
      Promise.all(Array.from({ length: 20 }, (_, at) => shop.ask('/v1/checkout_sessions', body, { idempotency_key: 'same-session', node: at % 2 }))),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201], answers.find(({ status }) => status !== 201)?.text);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    const without_key = await shop.post('/v1/checkout_sessions', body);
    assert.equal(without_key.body.id, answers[0]?.body.id);
    const other = await shop.post('/v1/checkout_sessions', { ...body, amount_fen: 1 });
    assert.deepEqual([other.status, other.body.error.code], [409, 'merchant_order_no_taken']);
  });

  it('OF-01 that was cut off after its payment is completed by the retry', async () => {
    const body = order();
    const first = await shop.post('/v1/checkout_sessions', body, { idempotency_key: 'cut-off' });
    // As a crash between the two writes leaves it: the payment and its key are there, the session and the reply are not.
    await world.ctx.db.kysely.deleteFrom('checkout_sessions').where('payment_id', '=', first.body.payment_id).execute();
    await world.ctx.db.kysely.updateTable('idempotency_keys').set({ status: null, body_sealed: null }).where('key', '=', 'cut-off').execute();
    const again = await shop.post('/v1/checkout_sessions', body, { idempotency_key: 'cut-off' });
    assert.equal(again.text, first.text);
    assert.equal((await get(`/v1/checkout_sessions/${first.body.id}`)).status, 200);
  });

  it('ends when the merchant says so, with its payment, and cannot be ended once it is paid', async () => {
    const session = await create();
    const ended = await shop.post(`/v1/checkout_sessions/${session.id}/expire`, {});
    assert.deepEqual([ended.status, ended.body.state, ended.body.closed_reason], [200, 'closed', 'cancelled']);
    assert.equal((await get(`/v1/payments/${session.payment_id}`)).body.state, 'closed');
  });

  it('ends by itself when its time is over', async () => {
    const session = await create({ expires_in_s: 60 });
    world.clock.advance(60_000);
    await world.until(async () => (await get(`/v1/checkout_sessions/${session.id}`)).body.state === 'closed');
    assert.equal((await get(`/v1/checkout_sessions/${session.id}`)).body.closed_reason, 'expired');
    assert.deepEqual(await shop.events(session.payment_id), ['payment.closed']);
  });

  it('I-34 is seen by its own merchant and mode only', async () => {
    const session = await create();
    const stranger = await newShop(world);
    const live_key = await world.newKey(shop.merchant.id, true, ['checkout_sessions:read', 'checkout_sessions:write']);
    for (const key of [stranger.key, live_key]) {
      assert.equal((await get(`/v1/checkout_sessions/${session.id}`, key)).body.error.code, 'checkout_session_not_found');
      assert.deepEqual((await get('/v1/checkout_sessions', key)).body.data, []);
      const ended = await world.flow(world.api('POST', `/v1/checkout_sessions/${session.id}/expire`, { key, body: {} }));
      assert.equal(ended.body.error.code, 'checkout_session_not_found');
    }
  });

  it('is listed, newest first, page by page', async () => {
    const lister = await newShop(world);
    const made: string[] = [];
    for (let at = 0; at < 5; at++) made.unshift((await lister.post('/v1/checkout_sessions', order())).body.id);
    const first = (await get('/v1/checkout_sessions?limit=3', lister.key)).body;
    const second = (await get(`/v1/checkout_sessions?limit=3&cursor=${first.next_cursor}`, lister.key)).body;
    assert.deepEqual(
      [...first.data, ...second.data].map(({ id }: { id: string }) => id),
      made,
    );
    assert.equal(second.next_cursor, null);
  });

  it('is refused where nothing could pay it', async () => {
    const poor = await newShop(world);
    const none = await poor.post('/v1/checkout_sessions', order({ allowed_methods: ['alipay_barcode'] }));
    assert.deepEqual([none.status, none.body.error.code], [422, 'no_channel_account']);
    for (const id of poor.accounts.values()) await closeChannelAccount(world.ctx, { merchant_id: poor.merchant.id, channel_account_id: id });
    assert.equal((await poor.post('/v1/checkout_sessions', order())).body.error.code, 'no_channel_account');
    assert.equal((await poor.post('/v1/payments', order({ method: 'qr' }))).body.error.code, 'no_channel_account');
  });
});

describe('method qr', () => {
  it('gives one address for every wallet, and no attempt yet', async () => {
    const body = order({ method: 'qr' });
    const made = await shop.post('/v1/payments', body, { idempotency_key: 'qr-1' });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.attempt, null);
    assert.match(made.body.next_action.qr_content, /\/c\/[0-9A-HJKMNP-TV-Z]{32}$/);
    assert.equal((await shop.post('/v1/payments', body, { idempotency_key: 'qr-1' })).text, made.text);
    assert.equal((await shop.post('/v1/payments', body, { idempotency_key: 'qr-2' })).body.id, made.body.id);
    assert.equal((await get(`/v1/checkout_sessions/${made.body.id.replace('pay', 'cks')}`)).status, 404, 'a code has no session');
  });

  it('takes nothing that belongs to one try', async () => {
    for (const [name, value] of Object.entries({
      auth_code: '134567890123456789',
      payer_id: 'oabc',
      return_url: 'https://shop.example/',
      payer_ip: '1.2.3.4',
    })) {
      const answer = await shop.post('/v1/payments', order({ method: 'qr', [name]: value }));
      assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.param], [400, 'parameter_unknown', name]);
    }
  });

  it('is no method of a try', async () => {
    const { id } = await create();
    const answer = await shop.post(`/v1/payments/${id.replace('cks', 'pay')}/attempts`, { method: 'qr' });
    assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.param], [400, 'parameter_invalid', 'method']);
  });

  it('can be closed, and tried by the merchant too', async () => {
    const made = (await shop.post('/v1/payments', order({ method: 'qr' }))).body;
    const tried = await shop.post(`/v1/payments/${made.id}/attempts`, { method: 'alipay_qr' });
    assert.equal(tried.status, 201, tried.text);
    assert.equal(await shop.pay(tried.body), true);
    await shop.reaches(made.id, 'paid');
    const other = (await shop.post('/v1/payments', order({ method: 'qr' }))).body;
    assert.equal((await shop.post(`/v1/payments/${other.id}/close`, {})).body.state, 'closed');
  });
});
