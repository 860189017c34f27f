import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type ErrorCode, errors, type Payment, scopes } from '@heliu/contract';
import { createApiKey, revokeApiKey } from '../../access/service.ts';
import { aSignedRequest, type RequestToSign } from '../../access/test-signer.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { type Belongings, someBelongings } from '../requests.ts';
import { moved_by_time, unchanged } from '../state.ts';
import { aWorld, type World } from '../world.ts';
import { type Answer, requestsSent, shoot } from './attacker.ts';

/** Group A of reliability.md on a whole installation of two nodes: what is refused leaves every row as it was. */
let world: World;
let shop: Shop;
let own: Belongings;
let foreign: Belongings;
let keyid: string;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');

before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
  own = await someBelongings(world, shop, 'own-1');
  foreign = await someBelongings(world, await world.newMerchant('另一商户'), 'foreign-1');
  const ed25519_public_key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const { api_key } = await createApiKey(world.ctx, { merchant_id: shop.merchant.id, livemode: false, name: 'signing', scopes, ed25519_public_key });
  keyid = api_key.id;
});
after(() => world.close());

const urlOf = (target: string, node = 0) => `http://127.0.0.1:${(world.nodes[node] as World['nodes'][number]).ctx.config.port}${target}`;
const nonce = () => randomBytes(12).toString('hex');
const now_s = () => Math.floor(world.clock.now().getTime() / 1000);
const asOwner = () => ({ authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' });

function assertRefused(answer: Answer, codes: readonly ErrorCode[], what: string): void {
  const { error } = answer.body ?? {};
  assert.ok(codes.includes(error?.code), `${what}: ${answer.status} ${answer.text}`);
  assert.equal(answer.status, errors[error.code as ErrorCode].status, what);
}

type Change = { readonly method?: string; readonly target?: string; readonly body?: string | Buffer; readonly headers?: Record<string, string> };

describe('A-02 A-03 A-04 A-05: a signed request', () => {
  const content = () => JSON.stringify({ merchant_order_no: 'signed-1', amount_fen: 100, subject: '一杯茶', method: 'wechat_qr' });
  const signing = (change: Partial<RequestToSign> = {}) => {
    const { 'content-length': _fetch_says_it, ...headers } = aSignedRequest({
      method: 'POST',
      public_url: world.ctx.config.public_url,
      target: '/v1/payments',
      body: content(),
      keyid,
      private_key: privateKey,
      created: now_s(),
      nonce: nonce(),
      idempotency_key: 'signed-1',
      ...change,
    });
    return headers;
  };
  const send = (headers: Record<string, string>, { method = 'POST', target = '/v1/payments', body = content(), headers: more = {} }: Change = {}) =>
    shoot(urlOf(target), { method, headers: { ...headers, ...more }, ...(method === 'GET' ? {} : { body }) });

  it('A-02 is refused when any one byte of its body was changed', () =>
    unchanged(world.ctx, async () => {
      const headers = signing();
      const bytes = Buffer.from(content());
      for (let at = 0; at < bytes.length; at++) {
        const body = Buffer.from(bytes);
        body[at] = (body[at] ?? 0) ^ 1;
        assertRefused(await send(headers, { body }), ['unauthenticated'], `byte ${at}`);
      }
    }));

  it('A-02 is refused when method, path, query or a covered header was changed', () =>
    unchanged(world.ctx, async () => {
      const headers = signing();
      const digest = headers['content-digest'] as string;
      const input = headers['signature-input'] as string;
      const changes: readonly Change[] = [
        { target: '/v1/payments?' },
        { target: '/v1/payments?x=1' },
        { target: '/v1/payments/' },
        { target: '/v1//payments' },
        { target: '/V1/payments' },
        { target: '/v1/%70ayments' },
        { target: '/v1/refunds' },
        { target: '/v1/webhook_endpoints' },
        { method: 'GET' },
        { headers: { 'idempotency-key': 'signed-2' } },
        { headers: { 'content-digest': digest.replace('sha-256', 'sha-512') } },
        { headers: { 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` } },
        { headers: { 'content-digest': `${digest}, ${digest.replace('sha-256', 'md5')}` } },
        { headers: { 'signature-input': input.replace(/created=\d+/, `created=${now_s() + 1}`) } },
        { headers: { 'signature-input': input.replace(/nonce="[^"]+"/, `nonce="${nonce()}"`) } },
        { headers: { 'signature-input': input.replace('"@method" ', '') } },
        { headers: { 'signature-input': input.replace(' "content-digest"', '') } },
        { headers: { 'signature-input': input.replace(' "idempotency-key"', '') } },
        { headers: { 'signature-input': input.replace('"@target-uri"', '"@target-uri" "@target-uri"') } },
        { headers: { 'signature-input': `${input}, sig2=${input.slice(4)}` } },
        { headers: { 'signature-input': '' } },
        { headers: { signature: '' } },
        { headers: { signature: 'sig=::' } },
        { headers: { signature: `sig=:${Buffer.alloc(64).toString('base64')}:` } },
      ];
      for (const change of changes) {
        const answer = await send(headers, change);
        assertRefused(answer, ['unauthenticated', 'route_unknown'], JSON.stringify(change));
      }
    }));

  it('A-02 is refused when its signature is good and leaves out what decides the request', () =>
    unchanged(world.ctx, async () => {
      const whole = ['@method', '@target-uri', 'content-digest', 'idempotency-key'];
      const parts = ['@method', '@path', '@query', 'content-digest', 'idempotency-key'];
      for (const components of [
        ...whole.map((left_out) => whole.filter((name) => name !== left_out)),
        ...parts.map((left_out) => parts.filter((name) => name !== left_out)),
        [],
        ['@authority'],
        ['@method'],
      ])
        assertRefused(await send(signing({ components })), ['unauthenticated'], components.join(' '));
    }));

  it('A-03 shares its text to sign with no other request', () =>
    unchanged(world.ctx, async () => {
      const pairs: readonly (readonly [signed: string, sent: string])[] = [
        ['/v1/payments?limit=1&state=paid', '/v1/payments?limit=1%26state=paid'],
        ['/v1/payments?limit=1', '/v1/payments?limit=1&limit=1'],
        ['/v1/payments?cursor=a%0a%22@method%22:%20POST', '/v1/payments?cursor=a'],
        ['/v1/payments/by-order-no/a%26b', '/v1/payments/by-order-no/a&b'],
        ['/v1/payments/a/../b', '/v1/payments/b'],
        ['/v1/payments?a=1?b=2', '/v1/payments?a=1&b=2'],
      ];
      for (const [signed, sent] of pairs) {
        for (const components of [
          ['@method', '@target-uri'],
          ['@method', '@path', '@query'],
        ]) {
          const { 'content-length': _fetch_says_it, ...headers } = aSignedRequest({
            method: 'GET',
            public_url: world.ctx.config.public_url,
            target: signed,
            keyid,
            private_key: privateKey,
            created: now_s(),
            nonce: nonce(),
            components,
          });
          assertRefused(await shoot(urlOf(sent), { headers }), ['unauthenticated', 'route_unknown'], `${signed} sent as ${sent}`);
        }
      }
    }));

  it('A-04 is refused with any algorithm but that of the key', () =>
    unchanged(world.ctx, async () => {
      for (const alg of ['none', 'NONE', '', 'MD5', 'hmac-sha256', 'rsa-v1_5-sha256', 'rsa-pss-sha512', 'ecdsa-p256-sha256', 'ED25519', 'ed25519 ', 'eddsa'])
        assertRefused(await send(signing({ alg })), ['unauthenticated'], alg);
      // Another key's type: an RSA signature of the right text is still none.
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      assertRefused(await send(signing({ private_key: rsa })), ['unauthenticated'], 'an RSA signature');
    }));

  it('A-05 is taken once, on whichever node, and never outside its window', async () => {
    const headers = signing();
    const sendTo = (node: number) => shoot(urlOf('/v1/payments', node), { method: 'POST', headers, body: content() });
    const answers = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => sendTo(at % 2))));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    assert.ok(answers.every(({ status, body }) => status === 201 || body.error.code === 'signature_replayed'));
    await unchanged(world.ctx, async () => {
      for (const node of [0, 1]) assertRefused(await sendTo(node), ['signature_replayed'], `again on ${node}`);
      for (const created of [now_s() - 301, now_s() + 301, 0, -1, 2 ** 40])
        assertRefused(await send(signing({ created })), ['signature_expired'], `created ${created}`);
      assertRefused(await send(signing({ expires: now_s() - 1 })), ['signature_expired'], 'expired');
      for (const short of ['', 'abc', 'a b c d e f g h i j', 'n'.repeat(129)])
        assertRefused(await send(signing({ nonce: short })), ['unauthenticated'], `nonce ${short}`);
    });
  });
});

it('A-08 a key that is revoked while its requests are under way opens nothing more, on either node, and what it began is not lost', async () => {
  const { api_key, secret } = await createApiKey(world.ctx, { merchant_id: shop.merchant.id, livemode: false, name: 'leaver', scopes });
  const headers = { authorization: `Bearer ${secret.expose()}`, 'content-type': 'application/json' };
  const create = (node: number, merchant_order_no: string) =>
    shoot(urlOf('/v1/payments', node), { method: 'POST', headers, body: JSON.stringify(shop.order({ merchant_order_no })) });
  const under_way = Promise.all(Array.from({ length: 10 }, (_, at) => create(at % 2, `leaver-${at}`)));
  await revokeApiKey(world.ctx, { merchant_id: shop.merchant.id, api_key_id: api_key.id });
  const begun = await world.flow(under_way);
  for (const node of [0, 1]) await world.until(async () => (await shoot(urlOf('/v1/payments', node), { headers })).status === 401);
  for (const [at, answer] of begun.entries()) {
    assert.ok(answer.status === 201 || answer.body.error.code === 'unauthenticated', answer.text);
    const kept = await shop.retrieveByOrderNo(`leaver-${at}`);
    assert.equal(kept.id, answer.status === 201 ? answer.body.id : undefined, 'there is a payment exactly where one was answered');
  }
  await unchanged(world.ctx, async () => {
    for (const node of [0, 1, 0, 1]) assertRefused(await create(node, 'leaver-late'), ['unauthenticated'], 'a revoked key');
  });
});

type Paid = Payment & { readonly attempt: NonNullable<Payment['attempt']> };

describe('A-09: refunds that race', () => {
  const refund = (node: number, payment_id: string, merchant_refund_no: string, amount_fen: number) =>
    shoot(urlOf('/v1/refunds', node), { method: 'POST', headers: asOwner(), body: JSON.stringify({ payment_id, merchant_refund_no, amount_fen }) });

  it('fifty under one number from two nodes are one refund', () =>
    racing(async (payment) => {
      const answers = await world.flow(Promise.all(Array.from({ length: 50 }, (_, at) => refund(at % 2, payment.id, 'same-1', 60))));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201], answers.map(({ text }) => text).join('\n'));
      assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
      assert.equal((await shop.refundsOf(payment.id)).length, 1);
      await settled(payment, 60);
    }));

  it('under one number with different amounts, one is taken and the others are told so', () =>
    racing(async (payment) => {
      const answers = await world.flow(Promise.all(Array.from({ length: 30 }, (_, at) => refund(at % 2, payment.id, 'same-2', 10 + at))));
      const taken = answers.filter(({ status }) => status === 201);
      assert.equal(taken.length, 1);
      assert.ok(answers.every(({ status, body }) => status === 201 || body.error.code === 'merchant_refund_no_taken'));
      await settled(payment, taken[0]?.body.amount_fen);
    }));

  it('under fifty numbers, never add up to more than was paid', () =>
    racing(async (payment) => {
      const answers = await world.flow(Promise.all(Array.from({ length: 50 }, (_, at) => refund(at % 2, payment.id, `other-${at}`, 7 + (at % 30)))));
      const sum = answers.filter(({ status }) => status === 201).reduce((total, { body }) => total + body.amount_fen, 0);
      assert.ok(sum > 0 && sum <= 100, `${sum}`);
      assert.ok(answers.every(({ status, body }) => status === 201 || body.error.code === 'refund_exceeds_paid'));
      await settled(payment, sum);
    }));

  /** Of all that is not this payment and the refunds that were taken, no row is another than before. */
  async function racing(race: (payment: Paid) => Promise<void>): Promise<void> {
    const payment = await shop.paid();
    const about = [payment.id, payment.attempt.id];
    const work = async () => {
      await race(payment);
      about.push(...(await shop.refundsOf(payment.id)).map(({ id }) => id));
    };
    // Answers of the gateway are kept as evidence, and attempts of other payments are asked about as time passes.
    await unchanged(world.ctx, work, [...moved_by_time, 'evidence', 'attempts'], about);
  }

  /** The gateway's own books say how much went back. */
  async function settled(payment: Paid, amount_fen: number): Promise<void> {
    await world.until(async () => (await shop.refundsOf(payment.id)).every(({ state }) => state === 'succeeded'));
    assert.equal(shop.truth(payment).returned_fen, amount_fen);
    const { refunded_fen, refunding_fen } = await shop.retrieve(payment.id);
    assert.deepEqual([refunded_fen, refunding_fen], [amount_fen, 0]);
  }
});

it('A-12 a refund of what is not ours, not paid, closed, or in another currency is refused', async () => {
  const unpaid = await shop.create();
  const closed = await shop.create();
  assert.equal((await shop.post(`/v1/payments/${closed.id}/close`, {})).status, 200);
  await shop.reaches(closed.id, 'closed');
  const rows: readonly (readonly [what: string, fields: Record<string, unknown>, code: ErrorCode])[] = [
    ["another merchant's payment", { payment_id: foreign.payment_id }, 'payment_not_found'],
    ['a payment that nobody has', { payment_id: `pay_${'0'.repeat(26)}` }, 'payment_not_found'],
    ['an unpaid payment', { payment_id: unpaid.id }, 'payment_not_paid'],
    ['a closed payment', { payment_id: closed.id }, 'payment_not_paid'],
    ['more than was paid', { payment_id: own.payment_id, amount_fen: 61 }, 'refund_exceeds_paid'],
    ['in another currency', { payment_id: own.payment_id, currency: 'USD' }, 'parameter_unknown'],
    ['of an attempt of another payment', { payment_id: own.payment_id, attempt_id: unpaid.attempt.id }, 'attempt_not_found'],
    ['of an attempt that nobody paid', { payment_id: unpaid.id, attempt_id: unpaid.attempt.id }, 'payment_not_paid'],
    ['an id of another kind', { payment_id: own.refund_id }, 'parameter_invalid'],
  ];
  await unchanged(world.ctx, async () => {
    for (const [what, fields, code] of rows) {
      const body = JSON.stringify({ merchant_refund_no: 'a-12', amount_fen: 1, ...fields });
      assertRefused(await shoot(urlOf('/v1/refunds'), { method: 'POST', headers: asOwner(), body }), [code], what);
    }
  });
});

describe('A-19: what databases could take for their own language', () => {
  const injections = [
    "'; drop table payments; --",
    "' or '1'='1",
    "') or true --",
    '" or ""="',
    '1; select pg_sleep(10)',
    "' union select secret_hash::text from api_keys --",
    '$$; delete from refunds; $$',
    '%',
    '_',
    '\\',
    "\\'; --",
    '$.* ? (@ == 1)',
    'id desc; --',
    'array[1]',
    '{"$gt":""}',
    "E'\\\\x00'",
    '$1',
  ];

  it('is refused or matches nothing in every path and query', () =>
    unchanged(world.ctx, async () => {
      for (const text of injections.map(encodeURIComponent)) {
        for (const target of [
          `/v1/payments?state=${text}`,
          `/v1/payments?created_from=${text}`,
          `/v1/payments?limit=${text}`,
          `/v1/payments?cursor=${text}`,
          `/v1/payments?sort=${text}`,
          `/v1/payments?order_by=${text}`,
          `/v1/payments?${text}=1`,
          `/v1/refunds?payment_id=${text}`,
          `/v1/events?type=${text}`,
          `/v1/events?after=${text}`,
          `/v1/webhook_endpoints/${own.webhook_endpoint_id}/deliveries?state=${text}`,
          `/v1/payments/${text}`,
          `/v1/payments/by-order-no/${text}`,
          `/v1/refunds/${text}`,
        ]) {
          const answer = await shoot(urlOf(target), { headers: { authorization: `Bearer ${shop.key}` } });
          // `_` and `%` may stand in an order number, and then they stand for themselves.
          if (target.includes('by-order-no')) assertRefused(answer, ['payment_not_found', 'parameter_invalid', 'route_unknown'], target);
          else assertRefused(answer, ['parameter_invalid', 'parameter_unknown', 'cursor_invalid', 'route_unknown'], target);
        }
      }
    }));

  it('is kept to the letter where any text may stand', async () => {
    for (const text of injections) {
      const payment = await shop.create({ subject: text, metadata: { note: text } });
      const kept = await shop.retrieve(payment.id);
      assert.deepEqual([kept.subject, kept.metadata], [text, { note: text }]);
    }
    const endpoint = await shop.post('/v1/webhook_endpoints', { url: world.receiver_url, description: injections[0] });
    assert.equal(endpoint.body.description, injections[0]);
  });

  it('has no wildcards: an order number is found by itself alone', async () => {
    const payment = await shop.create({ merchant_order_no: 'wild_1*|.' });
    for (const other of ['wildX1*|.', 'wild_1', 'wild_1*', 'WILD_1*|.', '*', '_', '.'])
      assertRefused(
        await shoot(urlOf(`/v1/payments/by-order-no/${encodeURIComponent(other)}`), { headers: asOwner() }),
        ['payment_not_found', 'route_unknown', 'parameter_invalid'],
        other,
      );
    assert.equal((await shop.retrieveByOrderNo('wild_1*|.')).id, payment.id);
  });
});

it('A-22 a key of idempotency is of one merchant and one mode alone', async () => {
  const other = await newShop(world);
  const options = { idempotency_key: 'shared-key' };
  const first = await shop.post('/v1/payments', shop.order({ merchant_order_no: 'idem-1' }), options);
  const second = await other.post('/v1/payments', other.order({ merchant_order_no: 'idem-1' }), options);
  assert.deepEqual([first.status, second.status], [201, 201], second.text);
  assert.notEqual(first.body.id, second.body.id);
});

it('group A: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
