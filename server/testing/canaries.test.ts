import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { scopes } from '@heliu/contract';
import { sql } from 'kysely';
import { createApiKey, revokeApiKey } from '../access/service.ts';
import { aSignedRequest } from '../access/test-signer.ts';
import { secretFields } from '../channels/account-settings.ts';
import { channels } from '../channels/registry.ts';
import { RefusalError } from '../kernel/refusal.ts';
import { createChannelAccount, findAccountById, updateChannelAccount } from '../merchants/service.ts';
import { type Canary, createScanner } from './secrets-scanner.ts';
import { type ApiAnswer, type ApiOptions, aWorld, type World } from './world.ts';

/**
 * One run through everything that touches a secret, with the log at its most talkative; then nothing of what was secret
 * may be found in log, metrics, answers to others, or in clear anywhere in the database.
 */
let world: World;
const log: string[] = [];
/** Bodies of refusals and errors, of the API and of the notification addresses. */
const refusals: string[] = [];
const canaries: Canary[] = [];
const plant = <Value extends string | Buffer>(name: string, value: Value | undefined): Value => {
  assert.ok(value, `${name} is there`);
  canaries.push({ name, value });
  return value;
};

before(async () => {
  world = await aWorld({ ctx: { log: { write: (line) => log.push(line) } } });
  plant('master key', world.ctx.config.master_key.expose());
  plant('master key, its bytes', Buffer.from(world.ctx.config.master_key.expose(), 'base64'));
  plant('API key', world.key);
  plant('webhook secret', world.webhook_secret);
  await plantAccountSecrets();
  await payByEveryMethod();
  await goWrongAtTheChannel();
  await forgeNotifications();
  await makeBadRequests();
  await signRequests();
  await rotateWebhookSecrets();
  await administrate();
  await loseTheDatabase();
  await plantSealedPayers();
});
after(() => world.close());

const api = async (method: 'GET' | 'POST', path: string, options?: ApiOptions): Promise<ApiAnswer> => {
  const answer = await world.flow(world.api(method, path, options));
  if (answer.status >= 400) refusals.push(answer.text);
  return answer;
};

async function plantAccountSecrets(): Promise<void> {
  for (const [channel_code, id] of world.accounts) {
    const account = await findAccountById(world.ctx, id);
    const channel = channels.get(channel_code);
    assert(account && channel);
    const config = account.config as Record<string, { expose(): string } | undefined>;
    const present = secretFields(channel).filter((name) => config[name] !== undefined);
    assert.ok(present.length > 0);
    for (const name of present) plant(`${channel_code} ${name}`, config[name]?.expose());
  }
}

let numbered = 0;
const openid = 'oCanary8uMuAJO_M2pxb1Q9zNjWe';
const buyer = '2088900146225135';

function create(fields: Record<string, unknown>): Promise<ApiAnswer> {
  const merchant_order_no = `c-${++numbered}`;
  return api('POST', '/v1/payments', {
    idempotency_key: `key-${merchant_order_no}`,
    body: { merchant_order_no, amount_fen: 100, subject: '一杯茶', method: 'wechat_qr', ...fields },
  });
}

async function pay(payment: { attempt: { channel: string; channel_order_no: string } }): Promise<void> {
  const simulator = world.simulators.get(payment.attempt.channel);
  assert(simulator);
  await world.flow(simulator.act(payment.attempt.channel_order_no, { do: 'pay' }));
}

const reaches = (id: string, state: string) => world.until(async () => (await world.api('GET', `/v1/payments/${id}`)).body.state === state);

const newCode = (channel: string, behaviour: 'pays' | 'asks_password' | 'insufficient_funds' | 'expired') => {
  const code = world.simulators.get(channel)?.newPaymentCode(behaviour);
  return plant(`payment code of ${channel} that ${behaviour}`, code);
};

async function payByEveryMethod(): Promise<void> {
  const refunds: string[] = [];
  plant('openid', openid);
  plant('buyer', buyer);
  for (const method of ['wechat_qr', 'alipay_qr', 'wechat_jsapi', 'wechat_mini', 'alipay_jsapi', 'wechat_app', 'alipay_page']) {
    const payer_id = /jsapi|mini/.test(method) ? { payer_id: method.startsWith('wechat') ? openid : buyer } : {};
    const { body: payment } = await create({ method, ...payer_id });
    if (!/qr|jsapi/.test(method)) continue;
    await pay(payment);
    await reaches(payment.id, 'paid');
    const refund = await api('POST', '/v1/refunds', { body: { payment_id: payment.id, merchant_refund_no: `r-${numbered}`, amount_fen: 40 } });
    refunds.push(refund.body.id);
    const { url } = (await api('POST', `/v1/payments/${payment.id}/receipt_link`, { body: {} })).body;
    const said = {
      message: plant(`message of a payer ${method}`, `请尽快退款 ${numbered}-7f3a9c`),
      contact: plant(`contact ${method}`, `1399${numbered}55501`),
    };
    await world.flow(fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ kind: 'refund', ...said }) }));
  }
  await world.until(() => refunds.every((id) => world.inbox.some(({ type, data }) => type === 'refund.succeeded' && data.id === id)));
  for (const channel of ['wechatpay', 'alipay']) {
    for (const behaviour of ['pays', 'asks_password', 'insufficient_funds', 'expired'] as const)
      await create({ method: 'barcode', auth_code: newCode(channel, behaviour) });
  }
  const cancelled = await create({ method: 'barcode', auth_code: newCode('wechatpay', 'asks_password') });
  await api('POST', `/v1/payments/${cancelled.body.id}/cancel`, { body: {} });
}

async function goWrongAtTheChannel(): Promise<void> {
  const troubled: Promise<ApiAnswer>[] = [];
  for (const kind of [
    'drop_before',
    'drop_after',
    'cut_answer',
    'html_answer',
    'server_error',
    'unsigned_answer',
    'bad_signature',
    'rate_limit',
    'unlisted_code',
  ] as const) {
    for (const channel of ['wechatpay', 'alipay']) world.inject(channel, { kind, on: 'pay', times: 2 });
    for (const channel of ['wechatpay', 'alipay']) {
      const page = channel === 'alipay' ? { method: 'alipay_jsapi', payer_id: buyer } : { method: 'wechat_jsapi', payer_id: openid };
      troubled.push(create({ method: 'barcode', auth_code: newCode(channel, 'pays') }), create(page));
    }
  }
  await Promise.all(troubled);
  for (const kind of ['notify_wrong_amount', 'notify_wrong_merchant', 'notify_unknown_order', 'notify_signature_probe'] as const) {
    const { body: payment } = await create({ method: 'wechat_jsapi', payer_id: openid });
    world.inject('wechatpay', { kind, times: 1 });
    await pay(payment);
  }
  // Receivers that refuse and fail, until their breaker opens.
  world.receiver.status = 500;
  const { body: payment } = await create({});
  await pay(payment);
  await world.until(() => world.sent.filter(({ data }) => data.id === payment.id).length > 1);
  world.receiver.status = 204;
}

async function forgeNotifications(): Promise<void> {
  for (const channel of ['wechatpay', 'alipay']) {
    const genuine = world.notified.find(({ url }) => url.includes(`/notify/${channel}/`));
    assert(genuine);
    const half = Math.floor(genuine.body.length / 2);
    const forged = [
      { ...genuine, headers: {} },
      { ...genuine, body: `${genuine.body.slice(0, half)}x${genuine.body.slice(half)}` },
      { ...genuine, body: '' },
      { ...genuine, body: `{"out_trade_no":"${openid}"}` },
      { ...genuine, url: genuine.url.replace(/acc_\w+/, 'acc_01JD0000000000000000000000') },
    ];
    for (const { url, headers, body } of forged) {
      const answer = await world.flow(fetch(url, { method: 'POST', headers, body }));
      refusals.push(await answer.text());
    }
  }
}

/** Requests that carry a secret where it does not belong. */
async function makeBadRequests(): Promise<void> {
  const code = newCode('wechatpay', 'pays');
  for (const raw of [`{"auth_code":"${code}"`, `{"auth_code":"${code}","auth_code":"1"}`, `{"auth_code":${code}}`, `["${code}"]`])
    await api('POST', '/v1/payments', { raw });
  await create({ method: 'barcode', auth_code: `${code}!` });
  await create({ method: 'barcode', auth_code: plant('payment code of no wallet', '9900112233445566778') });
  await create({ method: 'wechat_jsapi', payer_id: `${openid}!` });
  await create({ method: 'wechat_qr', metadata: { k: 1 }, payer_id: openid });
  await create({ method: 'wechat_qr', payer_ip: openid });
  for (const key of [plant('unknown API key', `${world.key.slice(0, -4)}ZZZZ`), `${world.key}x`]) await api('GET', '/v1/payments', { key });
  await api('GET', '/v1/payments', { headers: { authorization: `Basic ${world.key}` } });
  await api('GET', `/v1/payments?cursor=${encodeURIComponent(world.key)}`);
  await api('GET', `/v1/payments/${encodeURIComponent(world.key)}`);
  await api('GET', `/v1/nothing/${encodeURIComponent(world.key)}`);
}

async function signRequests(): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  plant('private key of a merchant', privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  const ed25519_public_key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const { api_key, secret } = await createApiKey(world.ctx, { merchant_id: world.merchant.id, livemode: false, name: 'signing', scopes, ed25519_public_key });
  plant('API key of a signing merchant', secret.expose());
  const body = JSON.stringify({ merchant_order_no: 'signed', amount_fen: 100, subject: 'x', method: 'wechat_jsapi', payer_id: openid });
  const { public_url } = world.ctx.config;
  const sign = (nonce: string) =>
    aSignedRequest({
      method: 'POST',
      public_url,
      target: '/v1/payments',
      body,
      keyid: api_key.id,
      private_key: privateKey,
      nonce,
      created: Math.floor(world.clock.now().getTime() / 1000),
    });
  const headers = sign('n-0123456789abcdef');
  const { 'content-length': _length, ...sent } = headers;
  const send = async (more: Record<string, string>, content = body) => {
    const answer = await world.flow(fetch(`${public_url}/v1/payments`, { method: 'POST', headers: { ...sent, ...more }, body: content }));
    if (answer.status >= 400) refusals.push(await answer.text());
    return answer.status;
  };
  assert.equal(await send({}), 201);
  assert.equal(await send({}), 409, 'a nonce is taken once');
  assert.equal(await send({ signature: `${sent.signature?.slice(0, 20)}AAAA${sent.signature?.slice(24)}` }), 401);
  assert.equal(await send({}, `${body} `), 401);
  await revokeApiKey(world.ctx, { merchant_id: world.merchant.id, api_key_id: api_key.id });
}

/** Replies that show a secret once are kept for their repeats, sealed. */
async function rotateWebhookSecrets(): Promise<void> {
  const idempotency_key = 'endpoint-1';
  const made = await api('POST', '/v1/webhook_endpoints', { body: { url: `${world.receiver_url}/second` }, idempotency_key });
  plant('secret of a second endpoint', made.body.secret);
  const again = await api('POST', '/v1/webhook_endpoints', { body: { url: `${world.receiver_url}/second` }, idempotency_key });
  assert.equal(again.text, made.text, 'the reply with the secret is kept');
  const rotated = await api('POST', `/v1/webhook_endpoints/${made.body.id}/rotate_secret`, { body: { overlap_s: 600 }, idempotency_key: 'rotate-1' });
  plant('rotated secret', rotated.body.secret);
  await api('POST', `/v1/webhook_endpoints/${made.body.id}/ping`, { body: {} });
  await api('POST', '/v1/webhook_endpoints', { body: { url: `http://user:${plant('password in a URL', 'hunter2-canary')}@10.0.0.1/` } });
  for (const secret of [made.body.secret, rotated.body.secret]) plant('webhook secret, its bytes', Buffer.from(secret.slice(6), 'base64'));
}

/** What the command line does: accounts made, changed, and refused with a secret in the wrong place. */
async function administrate(): Promise<void> {
  const { ctx, merchant } = world;
  for (const [channel, simulator] of world.simulators) {
    const settings = await simulator.enroll({ mode: 'provider', trust: 'certificate' });
    const definition = channels.get(channel);
    assert(definition);
    for (const name of secretFields(definition)) if (settings[name] !== undefined) plant(`${channel} ${name} of a provider`, String(settings[name]));
    const account = await createChannelAccount(ctx, { merchant_id: merchant.id, livemode: false, channel, name: 'provider', settings, priority: 1 });
    const [secret = ''] = secretFields(definition);
    const value = plant(`${channel} a secret that is none`, 'CANARY-not-a-private-key-0123456789');
    for (const wrong of [{ [secret]: value }, { [value]: 'x' }, { mode: value }, { [secret]: null }, { gateway_url: value }]) {
      await updateChannelAccount(ctx, { merchant_id: merchant.id, channel_account_id: account.id, settings: wrong }).then(
        () => assert.fail('settings that cannot work are refused'),
        (error: unknown) => {
          assert.ok(error instanceof RefusalError, String(error));
          // Whose name it is knows it: the name of a setting may be repeated, its value may not.
          if (!(value in wrong)) refusals.push(JSON.stringify(error.refusal), String(error), error.stack ?? '');
        },
      );
    }
    const { body: payment } = await create({ method: channel === 'alipay' ? 'alipay_qr' : 'wechat_qr', channel_account_id: account.id });
    await pay(payment);
    await reaches(payment.id, 'paid');
  }
}

/** The story of a bug goes to the log: statements and their errors with it, values never. */
async function loseTheDatabase(): Promise<void> {
  const requests = Array.from({ length: 10 }, () => create({ method: 'wechat_jsapi', payer_id: openid }));
  const end = sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await world.flow(end.execute(world.ctx.db.kysely).catch(() => {}));
  await Promise.all(requests);
  // A statement that PostgreSQL refuses with the values of the row in its words.
  await sql`alter table payments add constraint no_more check (merchant_order_no <> 'c-broken')`.execute(world.ctx.db.kysely);
  const broken = await api('POST', '/v1/payments', {
    body: { merchant_order_no: 'c-broken', amount_fen: 100, subject: 'x', method: 'barcode', auth_code: newCode('alipay', 'pays') },
  });
  assert.equal(broken.status, 500);
}

/** Whom the channel named as the payer is known only to the vault. */
async function plantSealedPayers(): Promise<void> {
  const { vault, db } = world.ctx;
  const rows = await db.kysely.selectFrom('attempts').select(['id', 'merchant_id', 'payer_sealed']).where('payer_sealed', 'is not', null).execute();
  assert.ok(rows.length > 0);
  for (const { id, merchant_id, payer_sealed } of rows) {
    plant('payer', vault.open(payer_sealed as Buffer, { table: 'attempts', column: 'payer_sealed', merchant_id, row: id }));
  }
}

describe('I-46 I-47 J-03 J-04: after a run through everything that touches a secret', () => {
  it('there were secrets of every kind, and enough was said', () => {
    const names = canaries.map(({ name }) => name).join(', ');
    for (const kind of [
      'API key',
      'apiv3_key',
      'apiv2_key',
      'private_key',
      'app_private_key',
      'payment code',
      'openid',
      'webhook secret',
      'master key',
      'rotated secret',
      'payer',
    ]) {
      assert.ok(names.includes(kind), `${kind} in ${names}`);
    }
    assert.ok(log.length > 200, `${log.length} lines`);
    assert.ok(log.some((line) => line.includes('"level":"debug"')));
    assert.ok(
      log.some((line) => line.includes('no_more')),
      'the story of the bug is there',
    );
    assert.ok(refusals.length > 50, `${refusals.length} refusals`);
  });

  it('none is in the log', () => {
    assert.deepEqual(createScanner(canaries).scanText('log', log.join('\n')), []);
  });

  it('none is in the metrics', async () => {
    assert.deepEqual(createScanner(canaries).scanText('metrics', await world.ctx.metrics.expose()), []);
  });

  it('none is in a refusal or an error', () => {
    const scanner = createScanner(canaries);
    assert.deepEqual(
      refusals.flatMap((text) => scanner.scanText(text, text)),
      [],
    );
  });

  it('none is in clear in any column of any table', async () => {
    const { finds, rows, tables } = await createScanner(canaries).scanDatabase(world.ctx);
    assert.ok(rows > 5_000, `${rows} values`);
    assert.ok(['attempts', 'channel_account_versions', 'idempotency_keys', 'evidence', 'data_keys'].every((table) => tables.includes(table)));
    assert.deepEqual(finds, []);
  });

  /** Cashier pages, bills and keys that gateways give are tested beside their code. */
  const used_elsewhere = new Set([
    'agent_statement_keys.private_key_sealed',
    'cashier_payers.payer_sealed',
    'bill_files.sealed',
    'channel_sessions.key_sealed',
    'recon_signing_keys.private_key_sealed',
    'statement_keys.private_key_sealed',
  ]);

  it('J-06 every sealed column is sealed by a data key that is known, and no nonce of a key is used twice', async () => {
    const { kysely } = world.ctx.db;
    const { rows: columns } = await sql<{ table: string; column: string }>`
      select table_name as table, column_name as column from information_schema.columns
      where table_schema = 'public' and data_type = 'bytea' and column_name like '%sealed'`.execute(kysely);
    const keys = (await kysely.selectFrom('data_keys').select('id').execute()).map(({ id }) => id);
    const seen = new Set<string>();
    let sealed = 0;
    for (const { table, column } of columns) {
      const { rows } = await sql<{ value: Buffer }>`select ${sql.ref(column)} as value from ${sql.table(table)} where ${sql.ref(column)} is not null`.execute(
        kysely,
      );
      assert.ok(rows.length > 0 || used_elsewhere.has(`${table}.${column}`), `${table}.${column} was used`);
      for (const { value } of rows) {
        // One byte of version, then the key's id and the nonce: see platform/vault.
        assert.ok(keys.includes(value.toString('latin1', 1, 31)), `${table}.${column}`);
        seen.add(value.toString('hex', 1, 43));
        sealed += 1;
      }
    }
    assert.ok(columns.length >= 6, `${columns.length} columns`);
    assert.equal(seen.size, sealed);
  });

  it('payment codes and payer ids are dropped from attempts that rest', async () => {
    const resting = world.ctx.db.kysely.selectFrom('attempts').select('id').where('state', 'in', ['succeeded', 'refused', 'closed']);
    assert.ok((await resting.execute()).length > 0);
    assert.deepEqual(await resting.where('request_sealed', 'is not', null).execute(), []);
  });

  it('no notification and no webhook of ours tells a secret to a merchant or a channel', () => {
    // The payer is the merchant's own customer, and endpoints' receivers are theirs; keys are nobody's.
    const keys = canaries.filter(({ name }) => !/openid|buyer|payer/.test(name));
    assert.deepEqual(createScanner(keys).scanText('webhooks', world.sent.map(({ body, headers }) => body + JSON.stringify(headers)).join('\n')), []);
  });
});

describe('the scanner', () => {
  it('finds what is really there: in text, in JSON, in bytes, and in other spellings', async () => {
    const { db } = world.ctx;
    const value = 'sk_canary_+/ 0123456789abcdef';
    const pem = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ'}\n-----END PRIVATE KEY-----`;
    const scanner = createScanner([
      { name: 'planted', value },
      { name: 'planted key', value: pem },
    ]);
    const forms = [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex'), encodeURIComponent(value)];
    for (const form of forms) assert.ok(scanner.scanText('log', `{"message":"x${form}y"}`).length > 0, form);
    assert.ok(scanner.scanText('log', JSON.stringify({ pem })).length > 0);
    assert.deepEqual(scanner.scanText('log', 'nothing of the kind'), []);

    await db.kysely
      .updateTable('payments')
      .set({ metadata: JSON.stringify({ note: value }) })
      .where('merchant_order_no', '=', 'c-1')
      .execute();
    await db.kysely
      .updateTable('webhook_endpoints')
      .set({ description: `see ${Buffer.from(value).toString('base64')}` })
      .execute();
    await db.kysely
      .updateTable('evidence')
      .set({ sealed: Buffer.concat([Buffer.from([0, 255, 128]), Buffer.from(pem), Buffer.from([0])]) })
      .execute();
    const { finds } = await scanner.scanDatabase(world.ctx);
    assert.deepEqual([...new Set(finds.map(({ where }) => where))].sort(), ['evidence.sealed', 'payments.metadata', 'webhook_endpoints.description']);
  });
});
