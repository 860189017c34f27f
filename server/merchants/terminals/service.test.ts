import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stores_per_merchant_max, terminals_per_store_max } from '../../kernel/limits.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';

/** Stores, terminals, and the place of a payment, over the API of two nodes. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
});
after(() => world.close());

const get = (path: string, of = shop) => world.flow(world.api('GET', path, { key: of.key }));
const made = async (path: string, body: object, of = shop) => {
  const answer = await of.post(path, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const aStore = (fields: object = {}, of = shop) => made('/v1/stores', { name: '南京东路店', ...fields }, of);
const aTerminal = (store_id: string, fields: object = {}, of = shop) => made('/v1/terminals', { store_id, name: '收银台', kind: 'pos', ...fields }, of);
const refused = (answer: { status: number; body: { error?: { code: string; param?: string } } }, status: number, code: string, param?: string) =>
  assert.deepEqual([answer.status, answer.body.error?.code, answer.body.error?.param], [status, code, param]);

describe('stores and terminals', () => {
  it('are made, found, listed by their filters and changed in what was given', async () => {
    const store = await aStore({ store_no: 'SH-1', region_code: '310101', address: '南京东路 1 号' });
    const terminal = await aTerminal(store.id, { terminal_no: 'T-1' });
    assert.deepEqual((await get(`/v1/stores/${store.id}`)).body, store);
    assert.deepEqual((await get(`/v1/terminals/${terminal.id}`)).body, terminal);
    assert.deepEqual((await get('/v1/stores?store_no=SH-1')).body.data, [store]);
    assert.deepEqual((await get(`/v1/terminals?store_id=${store.id}&kind=pos&state=active`)).body.data, [terminal]);
    assert.deepEqual((await get(`/v1/terminals?store_id=${store.id}&kind=gate`)).body.data, []);
    assert.deepEqual((await shop.post(`/v1/stores/${store.id}`, { name: '旗舰店' })).body, { ...store, name: '旗舰店', version: 2 });
    assert.deepEqual((await shop.post(`/v1/terminals/${terminal.id}`, { name: '二号台' })).body, { ...terminal, name: '二号台', version: 2 });
  });

  it('have numbers of their own for ever', async () => {
    const store = await aStore({ store_no: 'SH-2' });
    const terminal = await aTerminal(store.id, { terminal_no: 'T-2' });
    refused(await shop.post('/v1/stores', { name: 'x', store_no: 'SH-2' }), 409, 'store_no_taken', 'store_no');
    refused(await shop.post('/v1/terminals', { store_id: store.id, name: 'x', kind: 'pos', terminal_no: 'T-2' }), 409, 'terminal_no_taken', 'terminal_no');
    const other = await aTerminal(store.id);
    refused(await shop.post(`/v1/terminals/${other.id}`, { terminal_no: 'T-2' }), 409, 'terminal_no_taken', 'terminal_no');
    await shop.post(`/v1/terminals/${terminal.id}/close`, undefined);
    refused(await shop.post(`/v1/terminals/${other.id}`, { terminal_no: 'T-2' }), 409, 'terminal_no_taken', 'terminal_no');
    // Another merchant numbers its own as it likes.
    const neighbour = await newShop(world);
    await aTerminal((await aStore({ store_no: 'SH-2' }, neighbour)).id, { terminal_no: 'T-2' }, neighbour);
  });

  it('close for ever: a store with all its terminals, and closing twice is closing once', async () => {
    const store = await aStore();
    const [first, second] = [await aTerminal(store.id), await aTerminal(store.id)];
    const closed = (await shop.post(`/v1/terminals/${first.id}/close`, undefined)).body;
    assert.deepEqual([closed.state, typeof closed.closed_at], ['closed', 'string']);
    assert.deepEqual((await shop.post(`/v1/terminals/${first.id}/close`, undefined)).body, closed);
    const gone = (await shop.post(`/v1/stores/${store.id}/close`, undefined)).body;
    assert.equal(gone.state, 'closed');
    assert.deepEqual((await shop.post(`/v1/stores/${store.id}/close`, undefined)).body, gone);
    assert.deepEqual((await get(`/v1/terminals/${second.id}`)).body.state, 'closed');
    assert.deepEqual((await get(`/v1/terminals/${first.id}`)).body, closed);
    refused(await shop.post('/v1/terminals', { store_id: store.id, name: 'x', kind: 'pos' }), 409, 'store_closed', 'store_id');
    refused(await shop.post(`/v1/stores/${store.id}`, { name: 'x' }), 409, 'store_closed', 'store_id');
    refused(await shop.post(`/v1/terminals/${first.id}`, { name: 'x' }), 409, 'terminal_closed', 'terminal_id');
  });

  it('are made once for one idempotency key, however often it is sent', async () => {
    const answers = await world.flow(
      Promise.all([0, 1, 0, 1].map((node) => shop.ask('/v1/stores', { name: '一次', store_no: 'ONCE' }, { idempotency_key: 'store-once', node }))),
    );
    assert.deepEqual([...new Set(answers.map(({ text }) => text))].length, 1, answers.map(({ text }) => text).join('\n'));
    assert.equal((await get('/v1/stores?store_no=ONCE')).body.data.length, 1);
  });

  it('are limited in number', async () => {
    const { key, merchant } = await newShop(world);
    const full = await aStore({}, { ...shop, key, post: (path, body) => world.flow(world.api('POST', path, { key, body })) });
    const rows = (table: 'stores' | 'terminals', count: number) =>
      Array.from({ length: count }, (_, at) => ({
        merchant_id: merchant.id,
        id: `${table === 'stores' ? 'sto' : 'ter'}_${String(at).padStart(26, '0')}`,
        livemode: false,
        name: 'x',
        created_at: world.clock.now(),
        ...(table === 'stores' ? {} : { store_id: full.id, kind: 'pos' }),
      }));
    const { kysely } = world.ctx.db;
    await kysely
      .insertInto('terminals')
      .values(rows('terminals', terminals_per_store_max) as never)
      .execute();
    for (let from = 0; from < stores_per_merchant_max - 1; from += 5_000) {
      const part = rows('stores', stores_per_merchant_max - 1).slice(from, from + 5_000);
      await kysely
        .insertInto('stores')
        .values(part as never)
        .execute();
    }
    const ask = (path: string, body: object) => world.flow(world.api('POST', path, { key, body }));
    refused(await ask('/v1/terminals', { store_id: full.id, name: 'x', kind: 'pos' }), 422, 'too_many_terminals');
    refused(await ask('/v1/stores', { name: 'x' }), 422, 'too_many_stores');
  });
});

describe('the place of a payment', () => {
  it('is shown and searched, and a terminal brings its store', async () => {
    const store = await aStore();
    const terminal = await aTerminal(store.id, { terminal_no: 'T-PLACE' });
    const at_terminal = await shop.create({ terminal_id: terminal.id });
    const at_store = await shop.create({ store_id: store.id });
    const nowhere = await shop.create();
    assert.deepEqual([at_terminal.store_id, at_terminal.terminal_id], [store.id, terminal.id]);
    assert.deepEqual([at_store.store_id, at_store.terminal_id], [store.id, null]);
    assert.deepEqual([nowhere.store_id, nowhere.terminal_id], [null, null]);
    const listed = async (query: string) => (await get(`/v1/payments?${query}`)).body.data.map(({ id }: { id: string }) => id);
    assert.deepEqual(await listed(`terminal_id=${terminal.id}`), [at_terminal.id]);
    assert.deepEqual(await listed(`store_id=${store.id}`), [at_store.id, at_terminal.id]);
  });

  it('the channel is told the registered number, of every attempt', async () => {
    const terminal = await aTerminal((await aStore()).id, { terminal_no: 'T-CHANNEL' });
    const payment = await shop.create({ terminal_id: terminal.id });
    await shop.post(`/v1/payments/${payment.id}/attempts`, { method: 'alipay_qr' });
    const rows = await world.ctx.db.kysely.selectFrom('attempts').select('request').where('payment_id', '=', payment.id).execute();
    assert.deepEqual(
      rows.map(({ request }) => request),
      [{ terminal_id: 'T-CHANNEL' }, { terminal_id: 'T-CHANNEL' }],
    );
  });

  it('is refused when it is closed, elsewhere or another merchant’s, and nothing is written', async () => {
    const [store, elsewhere, shut] = [await aStore(), await aStore(), await aStore()];
    const terminal = await aTerminal(store.id);
    const used_up = await aTerminal(store.id);
    const of_shut = await aTerminal(shut.id);
    await shop.post(`/v1/terminals/${used_up.id}/close`, undefined);
    await shop.post(`/v1/stores/${shut.id}/close`, undefined);
    const neighbour = await newShop(world);
    const foreign = await aStore({}, neighbour);
    const foreign_terminal = await aTerminal(foreign.id, {}, neighbour);
    const cases: [object, number, string, string][] = [
      [{ terminal_id: used_up.id }, 409, 'terminal_closed', 'terminal_id'],
      [{ terminal_id: of_shut.id }, 409, 'terminal_closed', 'terminal_id'],
      [{ store_id: shut.id }, 409, 'store_closed', 'store_id'],
      [{ store_id: elsewhere.id, terminal_id: terminal.id }, 422, 'terminal_elsewhere', 'terminal_id'],
      [{ store_id: foreign.id }, 404, 'store_not_found', 'store_id'],
      [{ terminal_id: foreign_terminal.id }, 404, 'terminal_not_found', 'terminal_id'],
    ];
    const count = () => world.ctx.db.kysely.selectFrom('payments').select('id').where('merchant_id', '=', shop.merchant.id).execute();
    const before_count = (await count()).length;
    for (const [fields, ...expected] of cases) refused(await shop.post('/v1/payments', shop.order(fields as never)), ...expected);
    assert.equal((await count()).length, before_count);
  });

  it('K-08: a terminal that was closed on one node takes no payment on another', async () => {
    const terminal = await aTerminal((await aStore()).id);
    const order = (node: number) => shop.ask('/v1/payments', shop.order({ terminal_id: terminal.id }), { node });
    assert.equal((await world.flow(order(1))).status, 201);
    const news = new Promise<void>((resolve) => world.nodes[1]?.ctx.changes.on('terminals', (name) => name.endsWith(terminal.id) && resolve()));
    await world.flow(world.api('POST', `/v1/terminals/${terminal.id}/close`, { key: shop.key, node: 0 }));
    await world.flow(news);
    refused(await world.flow(order(1)), 409, 'terminal_closed', 'terminal_id');
  });

  it('a repeated request is answered as before, though the terminal was closed meanwhile', async () => {
    const terminal = await aTerminal((await aStore()).id);
    const body = shop.order({ terminal_id: terminal.id });
    const first = await shop.post('/v1/payments', body);
    await shop.post(`/v1/terminals/${terminal.id}/close`, undefined);
    assert.deepEqual((await shop.post('/v1/payments', body)).body.id, first.body.id);
  });
});
