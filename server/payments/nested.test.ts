import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createApiKey } from '../access/service.ts';
import { createChannelAccount, updateChannelAccount } from '../merchants/service.ts';
import { aWorld, type World } from '../testing/world.ts';
import { openLine } from './testing/line.ts';
import { newShop, type Shop, type ShownPayment } from './testing/shop.ts';
import { passTimeUntil } from './testing/time.ts';

/**
 * Two installations of Heliu with a database each, one the upstream of the other: our merchant → the lower one → the upper one →
 * the wallet. Nothing between the two is simulated; the books of the wallet are the truth.
 */
let upper: World;
let lower: World;
before(async () => {
  upper = await aWorld();
  lower = await aWorld({ simulators: [], ctx: { clock: upper.clock } });
});
after(async () => {
  await lower.close();
  await upper.close();
});

type Nest = {
  /** The merchant at the upper installation. */
  readonly above: Shop;
  /** The same merchant's shop at the lower one, whose only account is the upper one. */
  readonly below: Shop;
  readonly account_id: string;
  readonly endpoint_id: string;
  /** The payment as the upper installation shows it. */
  readonly upstream: (payment: ShownPayment) => Promise<ShownPayment>;
  readonly pay: (payment: ShownPayment) => Promise<boolean>;
  readonly truth: (payment: ShownPayment) => Promise<{ charges: number; returned_fen: number }>;
};
type Ways = { readonly signs?: boolean; readonly gateway_url?: string; readonly told?: boolean; readonly settings?: Readonly<Record<string, string>> };

/** A merchant signs up as the README of the channel says: the account first, then its endpoint above, then the secret. */
async function aNest({ signs = false, gateway_url = upper.ctx.config.public_url, told = true, settings: other = {} }: Ways = {}): Promise<Nest> {
  const [above, below] = [await newShop(upper), await newShop(lower)];
  const known = { gateway_url, merchant_code: above.merchant.code, ...(signs ? await aSigningKey(above) : { api_key: above.key }), ...other };
  const account = { merchant_id: below.merchant.id, livemode: false, channel: 'heliu', name: '上级机构', settings: known };
  const { id: account_id } = await createChannelAccount(lower.ctx, account);
  const made = await above.post('/v1/webhook_endpoints', { url: `${lower.ctx.config.public_url}/notify/heliu/${account_id}` });
  assert.equal(made.status, 201, made.text);
  if (told)
    await updateChannelAccount(lower.ctx, { merchant_id: below.merchant.id, channel_account_id: account_id, settings: { webhook_secret: made.body.secret } });
  const upstream = ({ attempt }: ShownPayment) => above.retrieveByOrderNo(attempt.channel_order_no);
  return {
    above,
    below,
    account_id,
    endpoint_id: made.body.id,
    upstream,
    pay: async (payment) => above.pay(await upstream(payment)),
    truth: async (payment) => above.truth(await upstream(payment)),
  };
}

async function aSigningKey({ merchant }: Shop): Promise<Readonly<Record<string, string>>> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const ed25519_public_key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const scopes = ['payments:read', 'payments:write', 'refunds:read', 'refunds:write'] as const;
  const made = await createApiKey(upper.ctx, { merchant_id: merchant.id, livemode: false, name: 'signing', scopes, ed25519_public_key });
  return { signing_key_id: made.api_key.id, signing_private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** How the lower installation learnt of the last change of an attempt. */
async function viaOf(payment: ShownPayment): Promise<string | undefined> {
  const rows = await lower.ctx.db.kysely
    .selectFrom('transitions')
    .select(['via', 'version'])
    .where('object_id', '=', payment.attempt.id)
    .orderBy('version')
    .execute();
  return rows.at(-1)?.via;
}

for (const signs of [false, true]) {
  describe(`a merchant that is known above by ${signs ? 'a signature' : 'an API key'}`, () => {
    it('shows the code of the wallet, hears that it was paid by a webhook, and gives money back', async () => {
      const nest = await aNest({ signs });
      const { below } = nest;
      const payment = await below.create();
      assert.equal(payment.next_action.type, 'show_qr');
      assert.deepEqual(payment.next_action, (await nest.upstream(payment)).next_action);
      assert.ok(await nest.pay(payment));
      const paid = await below.reaches(payment.id, 'paid');
      assert.equal(await viaOf(payment), 'notification');
      assert.equal(paid.attempt.channel_transaction_id, (await nest.upstream(payment)).id);
      assert.deepEqual([paid.paid_at, await below.events(payment.id)], [(await nest.upstream(payment)).paid_at, ['payment.paid']]);

      const refund = await below.post('/v1/refunds', below.refundOrder(payment.id, 40));
      assert.equal(refund.status, 201, refund.text);
      await passTimeUntil(lower, async () => (await below.retrieve(payment.id)).refunded_fen === 40);
      assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 40 });
      const [above] = await nest.above.refundsOf((await nest.upstream(payment)).id);
      assert.deepEqual([above?.merchant_refund_no, above?.state], [refund.body.channel_refund_no, 'succeeded']);
      assert.equal((await below.retrieveRefund(refund.body.id)).channel_refund_id, above?.id);

      const too_much = await below.post('/v1/refunds', below.refundOrder(payment.id, 61));
      assert.equal(too_much.body.error.code, 'refund_exceeds_paid');
    });

    it('closes an unpaid payment at both and at the wallet', async () => {
      const nest = await aNest({ signs });
      const payment = await nest.below.create();
      const closed = await nest.below.post(`/v1/payments/${payment.id}/close`, undefined);
      assert.deepEqual([closed.status, closed.body.state], [200, 'closed'], closed.text);
      assert.equal((await nest.upstream(payment)).state, 'closed');
      assert.equal(await nest.pay(payment), false);
    });
  });
}

describe('a payment code', () => {
  const scan = (nest: Nest, behaviour: 'pays' | 'asks_password' | 'insufficient_funds') =>
    nest.below.create({ method: 'barcode', auth_code: nest.above.paymentCode('wechatpay', behaviour) });

  it('is charged at once, or refused with the reason of the wallet', async () => {
    const nest = await aNest();
    const paid = await scan(nest, 'pays');
    assert.equal(paid.state, 'paid');
    assert.deepEqual(await nest.truth(paid), { charges: 1, returned_fen: 0 });
    const refused = await scan(nest, 'insufficient_funds');
    const above = await nest.upstream(refused);
    assert.deepEqual([refused.attempt.state, refused.attempt.refusal?.reason], ['refused', 'insufficient_funds']);
    assert.equal(refused.attempt.refusal?.channel_code, above.attempt.refusal?.channel_code);
  });

  it('that waits for a password is paid when the payer has given it', async () => {
    const nest = await aNest();
    const payment = await scan(nest, 'asks_password');
    assert.deepEqual([payment.state, payment.next_action.type], ['pending', 'wait']);
    assert.ok(await nest.pay(payment));
    await nest.below.reaches(payment.id, 'paid');
    assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 0 });
  });

  it('CF-01 whose answer the wallet lost on its way to the upper one is found out by both, and charged once', async () => {
    const nest = await aNest();
    upper.inject('wechatpay', { kind: 'drop_after', on: 'pay', times: 1 });
    const payment = await scan(nest, 'pays');
    assert.equal(payment.state, 'pending', 'nobody knows yet');
    await passTimeUntil(lower, async () => (await nest.below.retrieve(payment.id)).state === 'paid');
    assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 0 });
  });

  it('that is cancelled after it was paid gives the money back once', async () => {
    const nest = await aNest();
    const payment = await scan(nest, 'pays');
    const cancelled = await nest.below.post(`/v1/payments/${payment.id}/cancel`, undefined);
    assert.equal(cancelled.status, 200, cancelled.text);
    await passTimeUntil(lower, async () => (await nest.below.retrieve(payment.id)).refunded_fen === 100);
    assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 100 });
  });

  it('that nobody confirms is reversed, and its money is back at the wallet before it counts as undone', async () => {
    const line = await openLine(upper.ctx.config.public_url);
    const nest = await aNest({ gateway_url: line.origin, told: false });
    line.lost = 'answers';
    const asked = nest.below.ask('/v1/payments', nest.below.order({ method: 'barcode', auth_code: nest.above.paymentCode('wechatpay', 'pays') }));
    const payment = (await lower.flow(asked)).body as ShownPayment;
    assert.equal(payment.state, 'pending');
    assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 0 });
    const cancel = nest.below.ask(`/v1/payments/${payment.id}/cancel`, undefined);
    await lower.flow(cancel);
    line.lost = 'nothing';
    await passTimeUntil(lower, async () => (await nest.truth(payment)).returned_fen === 100, { step_ms: 5_000 });
    await passTimeUntil(lower, async () => ['closed', 'refused', 'succeeded'].includes((await nest.below.retrieve(payment.id)).attempt.state), {
      step_ms: 5_000,
    });
    assert.deepEqual(await nest.truth(payment), { charges: 1, returned_fen: 100 });
    assert.notEqual((await nest.below.retrieve(payment.id)).state, 'paid');
    await line.close();
  });
});

describe('what is lost between the two', () => {
  for (const [method, lost] of [
    ['barcode', 'answers'],
    ['wechat_qr', 'answers'],
    ['barcode', 'requests'],
  ] as const) {
    it(`CF-01 CF-02 a create of ${method} whose ${lost} were lost is found out by its order number, and charged at most once`, async () => {
      const line = await openLine(upper.ctx.config.public_url);
      const nest = await aNest({ gateway_url: line.origin });
      line.lost = lost;
      const code = method === 'barcode' ? { auth_code: nest.above.paymentCode('wechatpay', 'pays') } : {};
      const { body } = await lower.flow(nest.below.ask('/v1/payments', nest.below.order({ method, expires_in_s: 120, ...code })));
      assert.deepEqual([body.state, body.attempt.state], ['pending', 'sending'], 'nobody knows');
      line.lost = 'nothing';
      const end = async () => (await nest.below.retrieve(body.id)).state;
      await passTimeUntil(lower, async () => (await end()) !== 'pending', { step_ms: 2_000 });
      const charged = upper.simulators.get('wechatpay')?.truth().payments ?? [];
      const above = lost === 'answers' ? await nest.upstream(body) : undefined;
      const charges = charged.filter(({ order_no }) => order_no === above?.attempt.channel_order_no).length;
      if (method === 'barcode' && lost === 'answers') assert.deepEqual([await end(), above?.state, charges], ['paid', 'paid', 1]);
      if (method === 'wechat_qr') assert.deepEqual([await end(), above?.state, charges], ['closed', 'closed', 0]);
      if (lost === 'requests') assert.equal(await end(), 'closed');
      await line.close();
    });
  }

  it('CF-10 a payment whose webhook was lost is found by asking', async () => {
    const nest = await aNest();
    const disabled = await nest.above.post(`/v1/webhook_endpoints/${nest.endpoint_id}/disable`, undefined);
    assert.equal(disabled.status, 200, disabled.text);
    const payment = await nest.below.create();
    assert.ok(await nest.pay(payment));
    await passTimeUntil(lower, async () => (await nest.below.retrieve(payment.id)).state === 'paid');
    assert.equal(await viaOf(payment), 'query');
  });

  it('B-01 a webhook under another secret changes nothing; the money is found by asking', async () => {
    const nest = await aNest({ told: false });
    const settings = { webhook_secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    await updateChannelAccount(lower.ctx, { merchant_id: nest.below.merchant.id, channel_account_id: nest.account_id, settings });
    const payment = await nest.below.create();
    assert.ok(await nest.pay(payment));
    await nest.below.reaches(payment.id, 'paid');
    assert.equal(await viaOf(payment), 'query');
  });
});

it('an account that names another merchant of the upper installation shows no code and takes no money for its own', async () => {
  const nest = await aNest({ settings: { merchant_code: upper.merchant.code } });
  const payment = await nest.below.create();
  assert.deepEqual([payment.attempt.state, payment.next_action.type], ['sending', 'wait']);
  assert.ok(await nest.pay(payment));
  await passTimeUntil(lower, async () => (await nest.below.anomalies(payment.id)).includes('identity_mismatch'));
  assert.equal((await nest.below.retrieve(payment.id)).state, 'pending');
});

it('what the upper one cannot take is a refusal of the account, and costs nobody anything', async () => {
  const nest = await aNest();
  const payment = await nest.below.create({ method: 'jd_qr' });
  assert.deepEqual(
    [payment.attempt.state, payment.attempt.refusal?.reason, payment.attempt.refusal?.channel_code],
    ['refused', 'method_not_enabled', 'no_channel_account'],
  );
  const restricted = await aNest({ settings: { api_key: `sk_test_${'x'.repeat(43)}` } });
  const unknown = await restricted.below.create();
  assert.deepEqual([unknown.attempt.state, unknown.attempt.refusal?.channel_code], ['refused', 'unauthenticated']);
});
