import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { errors, examples, type Operation, operations } from '@heliu/contract';
import Fastify from 'fastify';
import { bindingProblems, bindOperation } from './bind.ts';
import { serializeOnDemand } from './serializer.ts';
import { type SendOptions, startTestServer, type TestServer } from './test-server.ts';
import { compile } from './validate.ts';

let t: TestServer;
before(async () => {
  t = await startTestServer();
});
after(() => t.close());
beforeEach(() => {
  t.calls.length = 0;
});

const good = examples.create_payment?.body as Record<string, unknown>;

/** Sends, makes sure that no handler ran and that status and texts are those of the table, and gives code and param. */
async function refusalOf(method: string, path: string, options: SendOptions): Promise<[code: string, param: string | undefined]> {
  const answer = await t.send(method, path, options);
  const { error } = answer.body as { error: { code: keyof typeof errors; param?: string; message: string; message_zh: string } };
  assert.equal(t.calls.length, 0, 'a handler ran');
  assert.equal(answer.status, errors[error.code].status);
  assert.ok(error.message.length > 0 && error.message_zh.length > 0);
  return [error.code, error.param];
}
const create = (change: Record<string, unknown>) => refusalOf('POST', '/v1/payments', { json: { ...good, ...change } });
const createRaw = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  refusalOf('POST', '/v1/payments', { body, headers });

test('every schema of the contract compiles, which a node does only at its first use', () => {
  const serializerOf = serializeOnDemand();
  for (const { id, params, query, body, response, method, path, status } of operations as readonly Operation[]) {
    for (const schema of [params, query, body]) assert.ok(!schema || compile(schema)(7), `${id} takes a number for an object`);
    const example = examples[id]?.response;
    const text = serializerOf({ schema: response, method, url: path, httpStatus: String(status) })(example);
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(example)), id);
  }
});

test('A-10: takes integers of the declared range as amounts and nothing else', async () => {
  for (const amount_fen of [0, -1, 10_000_000_001, '100', '0x64', '１００', true, null, [100], {}]) {
    assert.deepEqual(await create({ amount_fen }), ['parameter_invalid', 'amount_fen'], JSON.stringify(amount_fen));
  }
  for (const literal of ['0.5', '1e3', '100.0']) {
    assert.deepEqual(await createRaw(JSON.stringify({ ...good, amount_fen: 7 }).replace('7', literal)), ['number_not_integer', 'amount_fen'], literal);
  }
  for (const literal of ['9007199254740993', '99999999999999999999']) {
    assert.deepEqual(await createRaw(JSON.stringify({ ...good, amount_fen: 7 }).replace('7', literal)), ['parameter_invalid', 'amount_fen'], literal);
  }
  for (const literal of ['NaN', 'Infinity', '0x10', '-']) {
    assert.deepEqual(await createRaw(JSON.stringify({ ...good, amount_fen: 7 }).replace('7', literal)), ['malformed_json', undefined], literal);
  }
  for (const currency of ['cny', 'USD', 'JPY', '', 156]) assert.deepEqual(await create({ currency }), ['parameter_invalid', 'currency']);
});

test('A-11: refuses every field that an operation does not declare, and names it', async () => {
  for (const name of ['state', 'paidAt', 'paid_at', 'merchant_id', 'tenantId', 'feeRate', 'version', 'id', 'livemode']) {
    assert.deepEqual(await create({ [name]: 'paid' }), ['parameter_unknown', name]);
  }
  assert.deepEqual(await refusalOf('POST', '/v1/payments/pay_01JD0000000000000000000000/close', { json: { state: 'closed' } }), ['parameter_unknown', 'state']);
  assert.deepEqual(await refusalOf('GET', '/v1/payments?merchant_id=mer_1', {}), ['parameter_unknown', 'merchant_id']);
});

test('names a missing field, and the place of a wrong one, as the caller wrote it', async () => {
  assert.deepEqual(await create({ subject: undefined }), ['parameter_missing', 'subject']);
  assert.deepEqual(await create({ metadata: { colour: 7 } }), ['parameter_invalid', 'metadata.colour']);
  assert.deepEqual(await create({ metadata: { 'two words': 'x' } }), ['parameter_invalid', 'metadata.two words']);
  assert.deepEqual(await create({ metadata: 'x' }), ['parameter_invalid', 'metadata']);
  assert.deepEqual(await createRaw('[]'), ['parameter_invalid', undefined]);
  assert.deepEqual(await createRaw('null'), ['parameter_invalid', undefined]);
  assert.deepEqual(await refusalOf('GET', '/v1/payments/pay_short', {}), ['parameter_invalid', 'payment_id']);
  assert.deepEqual(await refusalOf('POST', '/v1/webhook_endpoints', { json: { url: 'https://a.example', event_types: ['payment.paid', 'nope'] } }), [
    'parameter_invalid',
    'event_types.1',
  ]);
});

test('says in both languages what a wrong field should have been', async () => {
  const { body } = await t.send('POST', '/v1/payments', { json: { ...good, amount_fen: 0 } });
  const { message, message_zh } = (body as { error: { message: string; message_zh: string } }).error;
  assert.equal(message, 'This parameter does not have the required form: at least 1.');
  assert.equal(message_zh, '参数格式不正确：不得小于 1。');
});

test('A-13: refuses a key or a query name that comes twice', async () => {
  assert.deepEqual(await createRaw(`{"amount_fen":1,${JSON.stringify(good).slice(1)}`), ['duplicate_json_key', 'amount_fen']);
  assert.deepEqual(await refusalOf('GET', '/v1/payments?limit=1&limit=2', {}), ['parameter_invalid', 'limit']);
  assert.deepEqual(await refusalOf('GET', '/v1/payments?limit[]=1', {}), ['parameter_unknown', 'limit[]']);
  assert.deepEqual(await refusalOf('POST', '/v1/payments?amount_fen=1', { json: good }), ['parameter_unknown', 'amount_fen']);
});

test('A-14: refuses every content type but JSON, and a body without one', async () => {
  for (const type of [
    'text/plain',
    'Application/JSON',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'a',
    '*/*',
  ]) {
    assert.deepEqual((await createRaw(JSON.stringify(good), { 'content-type': type }))[0], 'unsupported_media_type', type);
  }
  assert.equal((await refusalOf('POST', '/v1/payments', { body: Buffer.from(JSON.stringify(good)) }))[0], 'unsupported_media_type');
  assert.equal((await createRaw(JSON.stringify(good), { 'content-type': 'application/json', 'content-encoding': 'gzip' }))[0], 'unsupported_media_type');
});

test('A-15: refuses names that reach into objects, in body, query and path, and pollutes nothing', async () => {
  assert.deepEqual(await createRaw(JSON.stringify(good).replace('"metadata":{', '"metadata":{"__proto__":"x",')), ['parameter_unknown', 'metadata.__proto__']);
  assert.deepEqual(await createRaw(JSON.stringify(good).replace('{', '{"constructor":{"prototype":{}},')), ['parameter_unknown', 'constructor']);
  assert.deepEqual(await refusalOf('GET', '/v1/payments?__proto__=1', {}), ['parameter_unknown', '__proto__']);
  assert.deepEqual(await refusalOf('GET', '/v1/payments?constructor=1', {}), ['parameter_unknown', 'constructor']);
  assert.equal((await t.send('GET', '/v1/payments', { headers: { 'x-__proto__': '1', constructor: 'x' } })).status, 200);
  assert.equal(({} as { x?: unknown }).x, undefined);
});

test('A-16: refuses a body over the limit, told or streamed, and deep nesting', async () => {
  assert.deepEqual(await create({ subject: 'x'.repeat(70_000) }), ['body_too_large', undefined]);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(16_384, ' ')) });
  const answer = await fetch(`${t.url}/v1/payments`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: endless, duplex: 'half' }).catch(
    () => undefined,
  );
  // The connection is closed in the middle of the sender's body, which some clients report instead of the answer.
  assert.ok(answer === undefined || answer.status === 413);
  assert.deepEqual(await createRaw('['.repeat(30_000)), ['parameter_invalid', undefined]);
  assert.equal((await t.send('GET', '/v1/payments')).status, 200);
});

test('A-24: refuses control, invisible, direction-changing and broken characters in texts', async () => {
  for (const character of ['\u0000', '\n', '\u001b', '\u200b', '\u202e', '\u2066', '\ufeff', '\ud800', '\u0085']) {
    assert.deepEqual(await create({ subject: `a${character}b` }), ['parameter_invalid', 'subject'], JSON.stringify(character));
    assert.deepEqual(await create({ metadata: { note: `a${character}b` } }), ['parameter_invalid', 'metadata.note'], JSON.stringify(character));
    assert.deepEqual(await create({ merchant_order_no: `a${character}b` }), ['parameter_invalid', 'merchant_order_no']);
  }
  assert.equal((await t.send('POST', '/v1/payments', { json: { ...good, subject: '咖啡 ☕️ 𠮷野家 café' } })).status, 201);
});

test('says where malformed JSON goes wrong', async () => {
  const { body } = await t.send('POST', '/v1/payments', { body: '{\n "a": tru }', headers: { 'content-type': 'application/json' } });
  assert.equal((body as { error: { message: string } }).error.message, 'The body is not valid JSON (line 2, column 7).');
});

test('reads integers in a query strictly, and passes on nothing that was not sent', async () => {
  for (const limit of ['0', '101', '1e1', '010', '+5', '-1', '5.0', ' 5', '5 ', '', '0x5', '９', 'NaN', '99999999999999999999']) {
    assert.deepEqual(await refusalOf('GET', `/v1/payments?limit=${encodeURIComponent(limit)}`, {}), ['parameter_invalid', 'limit'], limit);
  }
  assert.equal((await t.send('GET', '/v1/payments?limit=5&state=paid')).status, 200);
  assert.deepEqual({ ...t.calls[0]?.query }, { limit: 5, state: 'paid' });
});

test('refuses an Idempotency-Key that is empty, too long, not ASCII or sent twice', async () => {
  for (const key of ['', 'x'.repeat(129), 'a b', 'é', 'a, b']) {
    assert.deepEqual(
      await refusalOf('POST', '/v1/payments', { json: good, headers: { 'idempotency-key': key } }),
      ['idempotency_key_invalid', 'Idempotency-Key'],
      key,
    );
  }
  await t.send('POST', '/v1/payments', { json: good, headers: { 'idempotency-key': 'order-1/create' } });
  assert.equal(t.calls[0]?.idempotency_key, 'order-1/create');
});

test('an empty body, with or without a content type, is an empty object', async () => {
  const path = '/v1/webhook_endpoints/whe_01JD0000000000000000000000/rotate_secret';
  assert.equal((await t.send('POST', path)).status, 200);
  assert.equal((await t.send('POST', path, { headers: { 'content-type': 'application/json' } })).status, 200);
  assert.equal((await t.send('POST', path, { json: {} })).status, 200);
  assert.equal(new Set(t.calls.map((call) => call.request_hash.toString('hex'))).size, 1);
  t.calls.length = 0;
  assert.deepEqual(await refusalOf('POST', '/v1/payments', {}), ['parameter_missing', 'merchant_order_no']);
});

test('the request hash is that of the meaning: the same for other key order and spacing, another for any other request', async () => {
  const hashOf = async (path: string, body: string) => {
    t.calls.length = 0;
    await t.send('POST', path, { body, headers: { 'content-type': 'application/json' } });
    return t.calls[0]?.request_hash.toString('hex');
  };
  const text = JSON.stringify({ method: 'wechat_qr' });
  const first = await hashOf('/v1/payments', JSON.stringify(good));
  assert.match(first ?? '', /^[0-9a-f]{64}$/);
  assert.equal(await hashOf('/v1/payments', JSON.stringify(Object.fromEntries(Object.entries(good).reverse()), null, 3)), first);
  assert.notEqual(await hashOf('/v1/payments', JSON.stringify({ ...good, amount_fen: 1281 })), first);
  const one = await hashOf('/v1/payments/pay_01JD0000000000000000000000/attempts', text);
  assert.notEqual(await hashOf('/v1/payments/pay_01JD0000000000000000000001/attempts', text), one);
});

test('a test can tell which operations are not bound, bound twice, or unknown to the contract', async () => {
  assert.deepEqual(bindingProblems(t.server.fastify, operations), []);
  const [first, second] = operations as readonly Operation[] as [Operation, Operation];
  const scope = Fastify();
  scope.decorate('bound_operations', []);
  for (const operation of [second, second, { ...first, id: 'strange', path: '/v1/strange' }])
    bindOperation(scope, t.ctx, operation, () => Promise.reject(new Error('never called')));
  assert.deepEqual(bindingProblems(scope, [first, second]), [
    `${first.id} is not bound`,
    `${second.id} is bound more than once`,
    'strange is not an operation of the contract',
  ]);
  await scope.close();
});
