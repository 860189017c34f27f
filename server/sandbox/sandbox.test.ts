import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type App, createApp } from '../app.ts';
import { simulators as sandboxSimulators } from '../channels/simulators.ts';
import { listChannelAccounts } from '../merchants/service.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { createSandbox } from './sandbox.ts';

const public_url = 'http://127.0.0.1:7410';
const own = { host: '127.0.0.1:7410', origin: public_url, 'sec-fetch-site': 'same-origin' };

/** One run of a sandbox on a node, as a start of the program makes it. */
async function run(node: TestCtx): Promise<App> {
  let prepare: (app: App['http']['fastify']) => Promise<unknown> = () => assert.fail('the sandbox was not made');
  const app = await createApp(node.ctx, (ctx) => {
    const sandbox = createSandbox(ctx, { simulators: sandboxSimulators });
    prepare = sandbox.prepare;
    return [sandbox.plugin];
  });
  await prepare(app.http.fastify);
  return app;
}

describe('the demo merchant', () => {
  let node: TestCtx;
  let data_dir: string;
  before(async () => {
    data_dir = mkdtempSync(join(tmpdir(), 'heliu-sandbox-'));
    node = await testCtx({ config: { data_dir, public_url } });
  });
  after(async () => {
    await node.close();
    rmSync(data_dir, { recursive: true });
  });

  const file = () => join(data_dir, 'sandbox.json');
  const remembered = () => JSON.parse(readFileSync(file(), 'utf8'));
  const start = async () => {
    const app = await run(node);
    await app.stop();
    return remembered();
  };

  test('stands after the first start: key, an account at every gateway, an endpoint; only its owner reads the key', async () => {
    const demo = await start();
    assert.match(demo.api_key, /^sk_test_/);
    assert.deepEqual(
      demo.accounts.map((account: { channel: string }) => account.channel),
      sandboxSimulators.map(({ channel }) => channel),
    );
    assert.equal(demo.webhook_endpoint.url, `${public_url}/sandbox/inbox/hook`);
    assert.equal(statSync(file()).mode & 0o077, 0);
  });

  test('is the same after the next start', async () => {
    const first = remembered();
    assert.deepEqual(await start(), first);
  });

  test('is made again when its file was removed or is not readable', async () => {
    const first = remembered();
    rmSync(file());
    const second = await start();
    assert.notEqual(second.merchant_id, first.merchant_id);
    writeFileSync(file(), '{"merchant_id":');
    assert.notEqual((await start()).merchant_id, second.merchant_id);
  });

  test('has a new account where a gateway lost its journal, and the old one takes nothing any more', async () => {
    const first = remembered();
    const { channel } = first.accounts[0];
    rmSync(join(data_dir, 'sim', `${channel}.jsonl`));
    const second = await start();
    assert.equal(second.merchant_id, first.merchant_id);
    assert.equal(second.accounts.length, first.accounts.length);
    const states = (await listChannelAccounts(node.ctx, { merchant_id: first.merchant_id })).map(({ id, state }) => [id, state]);
    const ids = (demo: { accounts: { channel_account_id: string }[] }) => demo.accounts.map((account) => account.channel_account_id);
    const expected = [...new Set([...ids(first), ...ids(second)])].map((id) => [id, id === first.accounts[0].channel_account_id ? 'closed' : 'active']);
    assert.deepEqual(new Map(states as [string, string][]), new Map(expected as [string, string][]));
    assert.equal(second.accounts.at(-1).channel, channel);
    assert.deepEqual(await start(), second);
  });

  test('has a new key when the database does not know the old one', async () => {
    const first = remembered();
    writeFileSync(file(), JSON.stringify({ ...first, api_key: `sk_test_${'0'.repeat(43)}` }));
    assert.notEqual((await start()).merchant_id, first.merchant_id);
  });

  test('has a new endpoint when the one it remembers is of another address, and the old one is stopped', async () => {
    const first = remembered();
    writeFileSync(file(), JSON.stringify({ ...first, webhook_endpoint: { ...first.webhook_endpoint, url: 'http://127.0.0.1:1/old' } }));
    const app = await run(node);
    const listed = await app.http.fastify.inject({ url: '/v1/webhook_endpoints', headers: { authorization: `Bearer ${first.api_key}` } });
    const states = Object.fromEntries(listed.json().data.map((endpoint: { id: string; state: string }) => [endpoint.id, endpoint.state]));
    await app.stop();
    assert.deepEqual(states, { [first.webhook_endpoint.id]: 'disabled', [remembered().webhook_endpoint.id]: 'enabled' });
  });
});

describe('the pages and their endpoints', () => {
  let node: TestCtx;
  let app: App;
  let data_dir: string;
  before(async () => {
    data_dir = mkdtempSync(join(tmpdir(), 'heliu-sandbox-'));
    node = await testCtx({ config: { data_dir, public_url } });
    app = await run(node);
  });
  after(async () => {
    await app.stop();
    await node.close();
    rmSync(data_dir, { recursive: true });
  });
  const get = (url: string, headers: Record<string, string> = own) => app.http.fastify.inject({ url, headers });
  const post = (url: string, payload: string, headers: Record<string, string> = { ...own, 'content-type': 'application/json' }) =>
    app.http.fastify.inject({ method: 'POST', url, headers, payload });

  test('serves each page with a policy that lets nothing else run, and 304 while it is unchanged', async () => {
    for (const url of ['/', '/sim/wallet', '/sandbox/inbox']) {
      const page = await get(url, {});
      assert.equal(page.statusCode, 200, url);
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
      const policy = String(page.headers['content-security-policy']);
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      assert.doesNotMatch(policy, /unsafe|\*/);
      assert.equal((await get(url, { 'if-none-match': String(page.headers.etag) })).statusCode, 304);
    }
    assert.equal((await get('/sandbox/assets/start.js', {})).headers['content-type'], 'text/javascript; charset=utf-8');
  });

  test('serves its own files only', async () => {
    for (const name of ['nothing.js', '..%2f..%2fpackage.json', '%2e%2e/package.json', 'start'])
      assert.equal((await get(`/sandbox/assets/${name}`)).statusCode, 404, name);
  });

  const foreign: [who: string, headers: Record<string, string>][] = [
    ['another website', { host: '127.0.0.1:7410', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a name that points here (DNS rebinding)', { host: 'evil.example:7410', origin: 'http://evil.example:7410', 'sec-fetch-site': 'same-origin' }],
    ['another port of this machine', { host: '127.0.0.1:7410', origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-site' }],
  ];
  for (const [who, headers] of foreign) {
    test(`D-08 gives ${who} neither the demo key nor any act`, async () => {
      for (const url of ['/sandbox/api/demo', '/sandbox/api/payments', '/sandbox/api/inbox', '/sandbox/api/inbox/stream', '/sim/api/orders']) {
        const answer = await get(url, headers);
        assert.equal(answer.statusCode, 403, url);
        assert.doesNotMatch(answer.body, /sk_test_/);
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
      }
      const before = (await get('/sandbox/api/payments')).json().data.length;
      const body = JSON.stringify({ merchant_order_no: 'foreign', amount_fen: 1, subject: 'x', method: 'wechat_qr' });
      assert.equal((await post('/sandbox/api/payments', body, { ...headers, 'content-type': 'application/json' })).statusCode, 403);
      assert.equal((await get('/sandbox/api/payments')).json().data.length, before);
    });
  }

  test('D-08 takes no body that a website could send without asking first', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await post('/sim/api/scan', '{"text":"x"}', { ...own, 'content-type': type });
      assert.equal(answer.json().error.code, 'unsupported_media_type', type);
    }
  });

  test('hands the API body on untouched, so that the API names what is wrong', async () => {
    const cases: [body: string, code: string, param?: string][] = [
      ['{"amount_fen":1.5}', 'number_not_integer', 'amount_fen'],
      ['{"amount_fen":1,"amount_fen":2}', 'duplicate_json_key', 'amount_fen'],
      ['{', 'malformed_json'],
      [JSON.stringify({ merchant_order_no: 'a', amount_fen: 1, subject: 'x', method: 'cash' }), 'parameter_invalid', 'method'],
    ];
    for (const [body, code, param] of cases) {
      const { error } = (await post('/sandbox/api/payments', body)).json();
      assert.deepEqual({ code: error.code, param: error.param }, { code, param }, body);
      assert.ok(error.message_zh && error.message);
    }
  });

  test('names the field that is wrong in a request of its own', async () => {
    const cases: [url: string, body: unknown, code: string, param: string][] = [
      ['/sim/api/scan', {}, 'parameter_missing', 'text'],
      ['/sim/api/scan', { text: 'weixin://wxpay/bizpayurl?pr=none' }, 'order_unknown', 'text'],
      ['/sim/api/act', { channel: 'none', order_no: '1', do: 'pay' }, 'wallet_unknown', 'channel'],
      ['/sim/api/act', { channel: sandboxSimulators[0]?.channel, order_no: '1', do: 'steal' }, 'parameter_invalid', 'do'],
      ['/sim/api/act', { channel: sandboxSimulators[0]?.channel, order_no: '1', do: 'pay' }, 'order_unknown', 'order_no'],
      ['/sim/api/payment-codes', { channel: 'none', behaviour: 'pays' }, 'wallet_unknown', 'channel'],
      ['/sim/api/faults', { channel: 'none', kind: 'fire' }, 'parameter_invalid', 'kind'],
      ['/sandbox/api/inbox/answer', { answer: 'maybe' }, 'parameter_invalid', 'answer'],
    ];
    for (const [url, body, code, param] of cases) {
      const { error } = (await post(url, JSON.stringify(body))).json();
      assert.deepEqual({ code: error.code, param: error.param }, { code, param }, url);
    }
  });

  test('offers what every gateway takes, and shows a payment code of each wallet with its drawn code', async () => {
    const demo = (await get('/sandbox/api/demo')).json();
    const { wallets } = (await get('/sim/api/wallets')).json();
    const taken = new Set(demo.methods.map(({ wallet }: { wallet: string }) => wallet));
    for (const { wallet } of wallets) assert.ok(taken.has(wallet), wallet);
    for (const { channel } of wallets) {
      const shown = (await post('/sim/api/payment-codes', JSON.stringify({ channel, behaviour: 'pays' }))).json();
      assert.match(shown.code, /^\d{16,24}$/);
      assert.match(shown.qr_svg, /^<svg/);
    }
  });

  test('the hook refuses what is not signed with the endpoint’s secret, and shows it', async () => {
    const answer = await app.http.fastify.inject({
      method: 'POST',
      url: '/sandbox/inbox/hook',
      headers: { 'content-type': 'application/json' },
      payload: '{"type":"payment.paid"}',
    });
    assert.equal(answer.statusCode, 401);
    const { messages } = (await get('/sandbox/api/inbox')).json();
    assert.deepEqual([messages[0].type, messages[0].check], ['payment.paid', 'header_missing']);
  });
});

test('production has no sandbox: no page, no endpoint, no simulated gateway', async () => {
  const node = await testCtx({ config: { mode: 'production' } });
  assert.throws(() => createSandbox(node.ctx, { simulators: [] }), /sandbox mode only/);
  const app = await createApp(node.ctx);
  for (const url of ['/', '/sim/wallet', '/sandbox/inbox', '/sandbox/api/demo', '/sim/api/orders', '/sandbox/assets/start.js']) {
    assert.equal((await app.http.fastify.inject({ url, headers: own })).statusCode, 404, url);
  }
  await app.stop();
  await node.close();
});
