import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type ErrorCode, errors, scopes } from '@heliu/contract';
import { createApiKey, revokeApiKey } from '../access/service.ts';
import { aSignedRequest, type RequestToSign } from '../access/test-signer.ts';
import { createChannelAccount, suspendMerchant } from '../merchants/service.ts';
import { foreign_callers, operations_without_objects, refused_caller_of_bodies, refused_callers } from './callers.ts';
import { all_operations, askForHelp, type Belongings, type GoodRequest, goodRequest, notFoundOf, someBelongings, targetOf } from './requests.ts';
import { unchanged as unchangedOf } from './state.ts';
import { type ApiAnswer, aWorld, type World } from './world.ts';

/**
 * The authorisation matrix, made from the contract: every operation × every kind of caller. Each request is one that its
 * owner may make; only who makes it is wrong.
 */
let world: World;
let test_data: Belongings;
let live_data: Belongings;
const keys: Record<string, string> = {};
/** The key whose public half the server knows, and the same kind of key that it does not. */
const [pair, stranger] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
const key_ids: Record<string, string> = {};

before(async () => {
  world = await aWorld();
  const { ctx, merchant, accounts } = world;
  test_data = await someBelongings(world, world, 'test-1');

  // Live data of the same merchant: the gateway is a simulator, but not one of this installation's own.
  const simulator = world.simulators.get('wechatpay');
  assert(simulator);
  const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  const live_account = await createChannelAccount(ctx, { merchant_id: merchant.id, livemode: true, channel: 'wechatpay', name: 'live', settings });
  keys.live = await world.newKey(merchant.id, true, scopes);
  live_data = await someBelongings(world, { key: keys.live, accounts: new Map([['wechatpay', live_account.id]]) }, 'live-1');
  keys.test = world.key;

  const other = await world.newMerchant('另一商户');
  keys.other = other.key;
  const suspended = await world.newMerchant('停用商户');
  keys.suspended = suspended.key;
  await suspendMerchant(ctx, suspended.merchant.id);
  const revoked = await createApiKey(ctx, { merchant_id: merchant.id, livemode: false, name: 'revoked', scopes });
  keys.revoked = revoked.secret.expose();
  await revokeApiKey(ctx, { merchant_id: merchant.id, api_key_id: revoked.api_key.id });
  const expires_at = new Date(ctx.clock.now().getTime() + 1);
  const expired = await createApiKey(ctx, { merchant_id: merchant.id, livemode: false, name: 'expired', scopes, expires_at });
  keys.expired = expired.secret.expose();
  keys.nobody = `${world.key.slice(0, -6)}AAAAAA`;
  const ed25519_public_key = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  for (const [name, merchant_id, livemode] of [
    ['own', merchant.id, false],
    ['live', merchant.id, true],
    ['other', other.merchant.id, false],
    ['revoked', merchant.id, false],
  ] as const)
    key_ids[name] = (await createApiKey(ctx, { merchant_id, livemode, name: 'signing', scopes, ed25519_public_key })).api_key.id;
  await revokeApiKey(ctx, { merchant_id: merchant.id, api_key_id: key_ids.revoked as string });
  for (const missing of scopes) {
    const rest = scopes.filter((scope) => scope !== missing);
    keys[`without ${missing}`] = await world.newKey(merchant.id, false, rest);
  }
  world.clock.advance(10);
  assert.equal(accounts.get('wechatpay'), test_data.channel_account_id);
});
after(() => world.close());

/** Time stands still: a request that is refused waits for nothing. */
async function send({ operation, ...request }: GoodRequest, credentials: Credentials): Promise<ApiAnswer> {
  const { body } = request;
  const answer = await fetch(world.ctx.config.public_url + targetOf({ operation, ...request }), {
    method: operation.method,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...credentials },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) };
}

type Credentials = Readonly<Record<string, string>>;
const bearer = (key: string | undefined): Credentials => ({ authorization: `Bearer ${key}` });

/** Headers that sign the request as its owner's program would; each change makes the signature one of something else. */
function signed(request: GoodRequest, change: Omit<Partial<RequestToSign>, 'keyid'> & { readonly keyid: string | undefined }): Credentials {
  const { 'content-length': _fetch_says_it, ...headers } = aSignedRequest({
    method: request.operation.method,
    public_url: world.ctx.config.public_url,
    target: targetOf(request),
    body: request.body && JSON.stringify(request.body),
    private_key: pair.privateKey,
    created: Math.floor(world.clock.now().getTime() / 1000),
    nonce: randomBytes(12).toString('hex'),
    ...change,
    keyid: change.keyid ?? '',
  });
  return headers;
}

function assertRefused(answer: ApiAnswer, code: string, what: string): void {
  assert.equal(answer.body.error?.code, code, `${what}: ${answer.text}`);
  assert.equal(answer.status, errors[code as ErrorCode].status, what);
}

const unchanged = (work: () => Promise<void>) => unchangedOf(world.ctx, work);

/** What a caller sees of an operation on objects that are not theirs: `undefined` where a request can name none. */
function foreignAnswer({ params, body, query }: GoodRequest): { code: string } | 'nothing' | undefined {
  const [in_path] = Object.keys(params);
  if (in_path) return { code: notFoundOf(in_path) };
  const in_body = ['payment_id', 'channel_account_id', 'store_id'].find((name) => body && name in body);
  if (in_body) return { code: notFoundOf(in_body) };
  return body === undefined || Object.keys(query).some((name) => name.endsWith('_id')) ? 'nothing' : undefined;
}

const refused: readonly (readonly [who: (typeof refused_callers)[number], credentials: (request: GoodRequest) => Credentials, code: ErrorCode])[] = [
  ['nobody, without any key', () => ({}), 'unauthenticated'],
  ['an empty bearer', () => ({ authorization: 'Bearer ' }), 'unauthenticated'],
  ['another scheme with a good key', () => ({ authorization: `Basic ${keys.test}` }), 'unauthenticated'],
  ['a key that was never given', () => bearer(keys.nobody), 'unauthenticated'],
  ['a key that is no key', () => bearer('hello'), 'unauthenticated'],
  ['a revoked key', () => bearer(keys.revoked), 'unauthenticated'],
  ['an expired key', () => bearer(keys.expired), 'unauthenticated'],
  ['a key of a suspended merchant', () => bearer(keys.suspended), 'merchant_suspended'],
  ['a key without the scope', ({ operation }) => bearer(keys[`without ${operation.scope}`]), 'scope_missing'],
  ['a signature by a key that is nobody’s', (request) => signed(request, { keyid: key_ids.own, private_key: stranger.privateKey }), 'unauthenticated'],
  ['a signature with a revoked key', (request) => signed(request, { keyid: key_ids.revoked }), 'unauthenticated'],
  ['a signature of another method', (request) => signed(request, { keyid: key_ids.own, method: 'PUT' }), 'unauthenticated'],
  ['a signature of another target', (request) => signed(request, { keyid: key_ids.own, target: `${targetOf(request)}/` }), 'unauthenticated'],
  ['a signature for another installation', (request) => signed(request, { keyid: key_ids.own, public_url: 'https://pay.example' }), 'unauthenticated'],
  ['a signature from too long ago', (request) => signed(request, { keyid: key_ids.own, created: 1 }), 'signature_expired'],
  ['a signature beside a good key', (request) => ({ ...signed(request, { keyid: key_ids.own }), ...bearer(keys.test) }), 'unauthenticated'],
];

describe('E-01 D-12 A-07 A-08: the authorisation matrix', () => {
  for (const operation of all_operations) {
    it(`${operation.id} is refused to whoever may not call it`, () =>
      unchanged(async () => {
        const request = goodRequest(operation, test_data, 'm-1');
        for (const [who, credentials, code] of refused) {
          const answer = await send(request, credentials(request));
          assertRefused(answer, code, `${operation.id} by ${who}`);
        }
        if (request.body) {
          const of_another_body = signed({ ...request, body: { ...request.body, more: 1 } }, { keyid: key_ids.own });
          assertRefused(await send(request, of_another_body), 'unauthenticated', `${operation.id} by ${refused_caller_of_bodies}`);
        }
      }));
  }

  const foreigners = [
    ["another merchant's key", () => bearer(keys.other), () => test_data],
    ['a live key on test data', () => bearer(keys.live), () => test_data],
    ['a test key on live data', () => bearer(keys.test), () => live_data],
    ["another merchant's signature", (request: GoodRequest) => signed(request, { keyid: key_ids.other }), () => test_data],
    ['a live signature on test data', (request: GoodRequest) => signed(request, { keyid: key_ids.live }), () => test_data],
  ] as const;
  let with_objects = 0;

  it('has every kind of caller', () => {
    assert.deepEqual(
      refused.map(([who]) => who),
      refused_callers,
    );
    assert.deepEqual(
      foreigners.map(([who]) => who),
      foreign_callers,
    );
  });

  for (const operation of all_operations) {
    it(`${operation.id} shows and changes nothing of another merchant or mode`, () =>
      unchanged(async () => {
        for (const [who, credentials, data] of foreigners) {
          const request = goodRequest(operation, data(), 'm-2');
          const expected = foreignAnswer(request);
          if (expected === undefined) continue;
          with_objects += 1;
          const answer = await send(request, credentials(request));
          const what = `${operation.id} by ${who}`;
          for (const id of Object.values(data())) {
            if (!Object.values(request.params).includes(id)) assert.ok(!answer.text.includes(id), `${what} tells ${id}`);
          }
          if (expected !== 'nothing') {
            assertRefused(answer, expected.code, what);
            // what is another's and what is nobody's are told alike.
            const nobodys_request = nobodysRequest(request);
            const nobodys = await send(nobodys_request, credentials(nobodys_request));
            assert.deepEqual(withoutRequestId(nobodys), withoutRequestId(answer), what);
          } else assert.equal(answer.status, operation.status, `${what}: ${answer.text}`);
        }
      }));
  }

  it('names objects in all but the creation of what stands by itself', () => {
    const by_itself = all_operations.filter(({ id }) => operations_without_objects.includes(id));
    assert.equal(by_itself.length, operations_without_objects.length);
    assert.equal(with_objects, (all_operations.length - by_itself.length) * foreigners.length);
  });

  it('lets the owner in: each request works once by the right key, and by a signature it works or is refused for its content', async () => {
    for (const [at, operation] of inOrder(all_operations).entries()) {
      const request = goodRequest(operation, { ...test_data, ...(await prepared[operation.id]?.()) }, `m-3-${at}`);
      const answer = await world.flow(send(request, bearer(keys.test)));
      assert.equal(answer.status, operation.status, `${operation.id}: ${answer.text}`);
      const again = await world.flow(send(request, signed(request, { keyid: key_ids.own })));
      const allowed = operation.method === 'GET' ? [operation.status] : [operation.status, 409, 422];
      assert.ok(allowed.includes(again.status), `${operation.id}, signed: ${again.text}`);
    }
  });

  it('knows every route that the server has: an operation of the contract, or one that is open on purpose', () => {
    const routes = routesOf(world.nodes[0]?.http.fastify.printRoutes({ commonPrefix: false }) ?? '');
    const declared = all_operations.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`);
    assert.deepEqual(routes.filter((route) => !open_routes.includes(route)).sort(), declared.sort());
    for (const route of open_routes) assert.ok(routes.includes(route), `${route} is there`);
  });
});

/** They end what others are about, so they come last. */
const endings = ['close_terminal', 'close_store'];
const inOrder = (operations: typeof all_operations) => operations.toSorted((one, other) => endings.indexOf(one.id) - endings.indexOf(other.id));

/** Objects in the state in which the operation works: those of `test_data` are at rest. */
const prepared: Readonly<Record<string, () => Promise<Partial<Belongings>>>> = {
  create_attempt: () => anOpenPayment({ method: 'barcode', auth_code: world.simulators.get('wechatpay')?.newPaymentCode('insufficient_funds') }),
  close_payment: () => anOpenPayment(),
  close_payment_by_order_no: () => anOpenPayment(),
  cancel_payment: () => anOpenPayment(),
  cancel_payment_by_order_no: () => anOpenPayment(),
  close_help_request: async () => ({ help_request_id: await askForHelp(world, world.key, test_data.payment_id) }),
};

let opened = 0;
async function anOpenPayment(how: object = { method: 'wechat_qr' }): Promise<Partial<Belongings>> {
  const body = { merchant_order_no: `open-${++opened}`, amount_fen: 100, subject: '一杯茶', channel_account_id: test_data.channel_account_id, ...how };
  const { body: payment } = await world.flow(world.api('POST', '/v1/payments', { body }));
  assert.equal(payment.state, 'pending', JSON.stringify(payment));
  return { payment_id: payment.id, merchant_order_no: payment.merchant_order_no };
}

/** Routes of Fastify's printed tree: a level is four characters deep and adds to the path above it. */
function routesOf(tree: string): string[] {
  const path: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = /^((?:[│ ] {3})*[├└]── )(\S*)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (indent === '') return [];
    const depth = indent.length / 4;
    path.splice(depth - 1, path.length, part);
    return methods === undefined ? [] : methods.split(', ').map((method) => `${method} ${path.join('')}`);
  });
}

/** Whoever adds a route without a key says so here. Notifications prove themselves by the channel's signature. */
const open_routes = [
  // Payers' pages: an address is 130 random bits, a code is printed on a plate.
  'GET /c/:address',
  'GET /c/:address/events',
  'GET /c/:address/logo',
  'GET /c/:address/payer',
  'GET /c/:address/status',
  // A gateway's page sends the browser back with a form, of which nothing is read.
  'POST /c/:address',
  'POST /c/:address/pay',
  'GET /c/p/:code',
  'GET /c/p/:code/logo',
  'POST /c/p/:code',
  // A receipt, by a sealed link.
  'GET /c/receipt',
  'GET /c/receipt/logo',
  'POST /c/receipt',
  // Files by sealed links of some minutes.
  'GET /c/print',
  'GET /c/statement',
  // Devices at the till: each but the pairing asks for the device's own credential.
  'GET /pos',
  'GET /pos*',
  'POST /pos/api/pair',
  'GET /pos/api/till',
  'GET /pos/api/events',
  'POST /pos/api/orders',
  'GET /pos/api/orders',
  'GET /pos/api/orders/:order_no',
  'GET /pos/api/orders/:order_no/next',
  'POST /pos/api/orders/:order_no/cancel',
  'POST /pos/api/refunds',
  'GET /pos/api/shift',
  'POST /pos/api/shift/handover',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /docs',
  'HEAD /docs',
  'GET /openapi.json',
  'HEAD /openapi.json',
  'POST /notify/:channel/:account',
  // Of channels that tell of payments by the query of a GET.
  'GET /notify/:channel/:account',
];

/** The same request about an id of the right form that nobody has. */
function nobodysRequest(request: GoodRequest): GoodRequest {
  const nobodys = (fields: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, name.endsWith('_id') ? `${String(value).slice(0, 4)}${'0'.repeat(26)}` : value]));
  const params = { ...(nobodys(request.params) as Record<string, string>), ...(request.params.merchant_order_no ? { merchant_order_no: 'nobody' } : {}) };
  return { ...request, params, ...(request.body ? { body: nobodys(request.body) } : {}) };
}

const withoutRequestId = ({ status, body }: ApiAnswer) => ({ status, error: { ...body.error, request_id: '' } });
