import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Method } from '@heliu/contract';
import { channel_sends_max } from '../../kernel/limits.ts';
import { Secret } from '../../kernel/secret.ts';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, WireAnswer } from '../define.ts';
import type { Fault } from '../kit/simulator.ts';
import { type Config, checkConfig } from './config.ts';
import { meaningOf, meanings } from './errors.ts';
import { wechatpay } from './index.ts';
import { aPayment, aRefund, openTestGateway, type TestGateway } from './test-gateway.ts';

const aGateway = closedAfterEach(openTestGateway);

const trusts = ['certificate', 'public_key'] as const;

describe('answers', () => {
  const calls = ['pay', 'barcode', 'query', 'close', 'reverse', 'refund', 'refund_query'] as const;

  // Keys take a while to make, so one gateway serves the table; every fault is used up by its own call.
  let gateway: TestGateway;
  const accounts = new Map<string, Account<Config>>();
  before(async () => {
    gateway = await openTestGateway();
    for (const trust of trusts) accounts.set(trust, await gateway.account('direct', trust));
  });
  after(() => gateway.close());

  /** Makes one call on an order that exists, and says what came of it. */
  async function callWith(fault: Fault, call: (typeof calls)[number], trust: (typeof trusts)[number]) {
    const account = accounts.get(trust);
    assert(account);
    const method: Method = call === 'barcode' || call === 'reverse' ? 'wechat_barcode' : 'wechat_qr';
    const payment = aPayment({ method, auth_code: gateway.simulator.newPaymentCode('pays') });
    const { client, simulator } = gateway;
    if (call !== 'pay' && call !== 'barcode') await client.pay(account, payment);
    let refund = aRefund(payment, 'none');
    if (call === 'refund' || call === 'refund_query') {
      await simulator.act(payment.channel_order_no, { do: 'pay' });
      const made = simulator.truth().payments.find(({ order_no }) => order_no === payment.channel_order_no);
      refund = aRefund(payment, made?.transaction_id ?? '');
      if (call === 'refund_query') await client.refund(account, refund);
    }
    simulator.inject({ ...fault, on: call === 'barcode' ? 'pay' : call });
    const doing = {
      pay: () => client.pay(account, payment),
      barcode: () => client.pay(account, payment),
      query: () => client.query(account, payment),
      close: () => client.close(account, payment),
      reverse: () => client.reverse(account, payment),
      refund: () => client.refund(account, refund),
      refund_query: () => client.refundQuery(account, refund),
    };
    return (await doing[call]()).fact;
  }

  for (const call of calls) {
    for (const trust of trusts) {
      for (const [kind, cause] of [
        ['unsigned_answer', 'unverified'],
        ['bad_signature', 'unverified'],
        ['unlisted_code', 'unlisted'],
        ['rate_limit', 'rate_limited'],
        ['server_error', 'server_error'],
      ] as const) {
        it(`${kind} of ${call} with ${trust} settles nothing`, async () => {
          const fact = await callWith({ kind }, call, trust);
          // WeChat says with the same answer that a reversal has to be called again.
          if (kind === 'server_error' && call === 'reverse') assert.deepEqual(fact, { is: 'again' });
          else assert(fact.is === 'unknown' && fact.cause === cause, JSON.stringify(fact));
        });
      }
    }
    for (const [kind, id] of [
      ['drop_after', 'CF-01'],
      ['drop_before', 'CF-02'],
      ['cut_answer', 'CF-03'],
      ['html_answer', 'CF-04'],
    ] as const) {
      it(`${id}: ${kind} of ${call} is unknown, never a refusal`, async () => {
        // A call that may be repeated is, once, when its answer was lost; an answer that came is never asked for again.
        const times = kind === 'html_answer' || call === 'barcode' ? 1 : channel_sends_max;
        const fact = await callWith({ kind, times }, call, 'certificate');
        assert.equal(fact.is, 'unknown', JSON.stringify(fact));
      });
    }
  }

  it('CF-01: a charge whose answer was lost is found by asking', async () => {
    const account = accounts.get('certificate');
    assert(account);
    const payment = aPayment({ method: 'wechat_barcode', auth_code: gateway.simulator.newPaymentCode('pays') });
    gateway.simulator.inject({ kind: 'drop_after', on: 'pay' });
    assert.equal((await gateway.client.pay(account, payment)).fact.is, 'unknown');
    assert.equal((await gateway.client.query(account, payment)).fact.is, 'paid');
    assert.equal(gateway.simulator.truth().payments.filter(({ order_no }) => order_no === payment.channel_order_no).length, 1);
  });

  it('CF-18: not found right after the order is not final', async () => {
    const account = accounts.get('certificate');
    assert(account);
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    gateway.simulator.inject({ kind: 'not_found_lag', on: 'query' });
    assert.deepEqual((await gateway.client.query(account, payment)).fact, { is: 'not_found' });
    assert.equal((await gateway.client.query(account, payment)).fact.is, 'waiting');
  });

  for (const method of ['wechat_qr', 'wechat_barcode'] as const) {
    it(`CF-17: a query of ${method} that has not heard of the payment says so, and agrees later`, async () => {
      const account = accounts.get('certificate');
      assert(account);
      const is_barcode = method === 'wechat_barcode';
      const payment = aPayment(is_barcode ? { method, auth_code: gateway.simulator.newPaymentCode('pays') } : {});
      await gateway.client.pay(account, payment);
      if (!is_barcode) assert.deepEqual(await gateway.simulator.act(payment.channel_order_no, { do: 'pay' }), { done: true });
      gateway.simulator.inject({ kind: 'query_behind', on: 'query' });
      assert.equal((await gateway.client.query(account, payment)).fact.is, 'waiting');
      assert.equal((await gateway.client.query(account, payment)).fact.is, 'paid');
    });
  }

  it('of another order are not taken for ours', () => {
    const account = accounts.get('certificate');
    assert(account);
    const payment = aPayment();
    const answer: WireAnswer = { status: 200, headers: {}, body: Buffer.from('{"out_trade_no":"OTHER0","trade_state":"CLOSED"}') };
    const env = { now: gateway.clock.now(), nonce: '0'.repeat(32) };
    assert.deepEqual(wechatpay.query.outcome(answer, payment, account, env), { is: 'ask', why: 'unreadable', detail: 'the answer is about another order' });
  });

  it('CF-28: with a state that nobody listed settle nothing', () => {
    const account = accounts.get('certificate');
    assert(account);
    const payment = aPayment();
    const env = { now: gateway.clock.now(), nonce: '0'.repeat(32) };
    const read = (body: object) => wechatpay.query.outcome({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) }, payment, account, env);
    assert.deepEqual(read({ out_trade_no: payment.channel_order_no, trade_state: 'MOON' }), { is: 'ask', why: 'unlisted', detail: 'MOON' });
    const paid = { out_trade_no: payment.channel_order_no, trade_state: 'SUCCESS', transaction_id: '4200', success_time: '2026-11-22T12:00:00+08:00' };
    assert.throws(() => read({ ...paid, amount: { total: '1234' } }));
    assert.throws(() => read({ ...paid, amount: {} }));
    assert.throws(() => read({ ...paid, transaction_id: undefined, amount: { total: 1 } }));
  });
});

describe('unsigned errors', () => {
  async function refusedUnsigned(changes: Partial<Config>, method: Method) {
    const gateway = await aGateway({ simulator: { sign_errors: false } });
    const account = await gateway.account('direct', 'certificate', changes);
    return (await gateway.client.pay(account, aPayment({ method, app_id: 'wx0000000000000000' }))).fact;
  }

  it('are not believed unless the account says so', async () => {
    const fact = await refusedUnsigned({}, 'wechat_qr');
    assert(fact.is === 'unknown' && fact.cause === 'unverified');
    const believed = await refusedUnsigned({ trust_unsigned_errors: true }, 'wechat_qr');
    assert(believed.is === 'refused' && believed.channel_code === 'APPID_MCHID_NOT_MATCH');
  });

  it('never make a success: an unsigned 200 stays unverified', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate', { trust_unsigned_errors: true });
    gateway.simulator.inject({ kind: 'unsigned_answer', on: 'pay', times: 2 });
    const { fact } = await gateway.client.pay(account, aPayment());
    assert(fact.is === 'unknown' && fact.cause === 'unverified');
    gateway.simulator.inject({ kind: 'unsigned_answer', on: 'pay' });
    const code = { method: 'wechat_barcode', auth_code: gateway.simulator.newPaymentCode('pays') } as const;
    const charged = (await gateway.client.pay(account, aPayment(code))).fact;
    assert(charged.is === 'unknown' && charged.cause === 'unverified');
  });
});

describe('keys of the gateway', () => {
  it('CF-15: follow a rotation in the middle of traffic, old notifications included', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const [first, second] = [aPayment(), aPayment()];
    for (const payment of [first, second]) await gateway.client.pay(account, payment);
    await gateway.simulator.act(first.channel_order_no, { do: 'pay' });
    const [before] = await gateway.delivered(1);
    gateway.simulator.inject({ kind: 'rotate_key' });
    assert.equal((await gateway.client.query(account, first)).fact.is, 'paid');
    await gateway.simulator.act(second.channel_order_no, { do: 'pay' });
    const [, after] = await gateway.delivered(2);
    assert.notEqual(before?.headers['Wechatpay-Serial'], after?.headers['Wechatpay-Serial']);
    for (const delivered of [before, after]) assert.equal((await gateway.receive(account, delivered)).is, 'read');
  });

  it('are both held while a merchant migrates from certificates to a public key', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const public_key_id = 'PUB_KEY_ID_0100000000000000000000000001';
    const public_key = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const migrating: Account<Config> = { ...account, version: 2, config: { ...account.config, public_key_id, public_key } };
    const payment = aPayment();
    await gateway.client.pay(migrating, payment);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    const [delivered] = await gateway.delivered(1);
    assert.equal((await gateway.receive(migrating, delivered)).is, 'read');
    const { headers = {}, body = '', url = '' } = delivered ?? {};
    const text = `${headers['Wechatpay-Timestamp']}\n${headers['Wechatpay-Nonce']}\n${body}\n`;
    const resigned = {
      ...headers,
      'Wechatpay-Serial': public_key_id,
      'Wechatpay-Signature': sign('sha256', Buffer.from(text), pair.privateKey).toString('base64'),
    };
    assert.equal((await gateway.receive(migrating, { url, headers: resigned, body })).is, 'read');
    // Without the key in its settings the account cannot know it, and asking for certificates would not help.
    assert.equal((await gateway.receive(account, { url, headers: resigned, body })).is, 'refused');
  });

  it('are asked for by a header in public key mode only', async () => {
    const gateway = await aGateway();
    for (const trust of trusts) {
      const account = await gateway.account('direct', trust);
      const step = wechatpay.query.request(aPayment(), account, { now: gateway.clock.now(), nonce: '0'.repeat(32) });
      assert('then' in step);
      const request = step.then('');
      assert('headers' in request);
      assert.equal(request.headers['wechatpay-serial'], trust === 'public_key' ? account.config.public_key_id : undefined);
    }
  });

  it('a public-key-only merchant is told that it has no certificates, and holds none', async () => {
    const gateway = await aGateway({ simulator: { sign_errors: false } });
    const account = await gateway.account('direct', 'public_key');
    const env = { now: gateway.clock.now(), nonce: '0'.repeat(32) };
    const step = wechatpay.trust?.fetch.request({}, account, env);
    assert(step && 'then' in step);
    const none: WireAnswer = { status: 404, headers: {}, body: Buffer.from('{"code":"RESOURCE_NOT_EXISTS","message":""}') };
    assert.equal(wechatpay.trust?.fetch.verify(none, account, new Map(), env, {}), 'valid');
    assert.deepEqual(wechatpay.trust?.fetch.outcome(none, {}, account, env), { is: 'keys', keys: new Map() });
  });

  it('a list of certificates that this account cannot decrypt is not believed', async () => {
    const gateway = await aGateway();
    const [account, other] = [await gateway.account('direct', 'certificate'), await gateway.account('direct', 'certificate')];
    const wrong = { ...account, config: { ...account.config, apiv3_key: other.config.apiv3_key } };
    const { fact } = await gateway.client.query(wrong, aPayment());
    assert(fact.is === 'unknown' && fact.cause === 'unverified');
  });
});

describe('notifications', () => {
  async function aNotification(trust: (typeof trusts)[number] = 'certificate', fault?: Fault) {
    const gateway = await aGateway();
    const account = await gateway.account('direct', trust);
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    if (fault) gateway.simulator.inject(fault);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    const [delivered] = await gateway.delivered(1);
    assert(delivered);
    return { gateway, account, payment, delivered };
  }

  for (const trust of trusts) {
    it(`CF-11: changed in one byte, header or time are refused (${trust})`, async () => {
      const { gateway, account, delivered } = await aNotification(trust);
      const { url, headers, body } = delivered;
      const changed = [
        { url, headers, body: `${body} ` },
        { url, headers, body: body.replace('TRANSACTION', 'transaction') },
        ...['Wechatpay-Timestamp', 'Wechatpay-Nonce', 'Wechatpay-Serial', 'Wechatpay-Signature'].flatMap((name) => {
          const { [name]: value = '', ...rest } = headers;
          return [
            { url, headers: rest, body },
            { url, headers: { ...rest, [name]: value.replace(/^./, (first) => (first === '1' ? '2' : '1')) }, body },
          ];
        }),
        { url, headers: { ...headers, 'Wechatpay-Signature-Type': 'WECHATPAY2-SM2-WITH-SM3' }, body },
        { url, headers: { ...headers, 'Wechatpay-Signature': '' }, body },
      ];
      for (const message of changed) assert.equal((await gateway.receive(account, message)).is, 'refused', JSON.stringify(message.headers));
      assert.equal((await gateway.receive(account, delivered)).is, 'read');
    });

    it(`are refused by another merchant (${trust})`, async () => {
      const { gateway, delivered } = await aNotification(trust);
      const other = await gateway.account('direct', trust);
      assert.equal((await gateway.receive(other, delivered)).is, 'refused');
    });
  }

  it('older than five minutes are refused', async () => {
    const { gateway, account, delivered } = await aNotification();
    gateway.clock.advance(299_000);
    assert.equal((await gateway.receive(account, delivered)).is, 'read');
    gateway.clock.advance(1_000);
    assert.equal((await gateway.receive(account, delivered)).is, 'refused');
  });

  it('CF-14: a signature probe fails like any wrong signature, and the good one follows', async () => {
    const { gateway, account } = await aNotification('certificate', { kind: 'notify_signature_probe' });
    const [probe, good] = await gateway.delivered(2);
    assert.match(probe?.headers['Wechatpay-Signature'] ?? '', /^WECHATPAY\/SIGNTEST\//);
    const refused = await gateway.receive(account, probe);
    assert(refused.is === 'refused' && refused.reply.status >= 400);
    assert.equal((await gateway.receive(account, good)).is, 'read');
  });

  it('CF-12: say whose and how much, so that the shared check can compare', async () => {
    const wrong = async (kind: 'notify_wrong_amount' | 'notify_wrong_merchant' | 'notify_unknown_order') => {
      const { gateway, account, payment, delivered } = await aNotification('certificate', { kind });
      const notified = await gateway.receive(account, delivered);
      assert(notified.is === 'read' && notified.notification.about === 'payment');
      const { fact, channel_order_no } = notified.notification;
      assert(fact.is === 'paid');
      return {
        ours: channel_order_no === payment.channel_order_no,
        amount_fen: fact.success.amount_fen,
        mchid: fact.success.identity.mchid === account.config.mchid,
      };
    };
    assert.deepEqual(await wrong('notify_wrong_amount'), { ours: true, amount_fen: 1235n, mchid: true });
    assert.deepEqual(await wrong('notify_wrong_merchant'), { ours: true, amount_fen: 1234n, mchid: false });
    assert.deepEqual(await wrong('notify_unknown_order'), { ours: false, amount_fen: 1234n, mchid: true });
  });

  it("of another merchant's refund are refused", async () => {
    const { gateway, account, payment } = await aNotification();
    const refund = aRefund(payment, gateway.simulator.truth().payments[0]?.transaction_id ?? '');
    gateway.simulator.inject({ kind: 'notify_wrong_merchant' });
    await gateway.client.refund(account, refund);
    gateway.clock.advance(6_000);
    await gateway.client.refundQuery(account, refund);
    const notified = await gateway.receive(account, (await gateway.delivered(2))[1]);
    assert(notified.is === 'refused' && notified.why === 'unreadable');
  });
});

describe('errors', () => {
  let gateway: TestGateway;
  let account: Account<Config>;
  before(async () => {
    gateway = await openTestGateway();
    account = await gateway.account('direct', 'public_key');
  });
  after(() => gateway.close());

  it('that are not listed for a call are asked about, whatever they are called', () => {
    for (const call of Object.keys(meanings) as (keyof typeof meanings)[]) {
      for (const code of ['NEWLY_INVENTED', '', 'constructor', '__proto__']) assert.deepEqual(meaningOf(call, code), { final: 'ask', why: 'unlisted' });
      assert.deepEqual(meaningOf(call, 'SYSTEM_ERROR'), { final: 'ask', why: 'server_error' });
      assert.deepEqual(meaningOf(call, 'RATELIMIT_EXCEED'), { final: 'ask', why: 'rate_limited' });
    }
  });

  it('are the same in both spellings', () => {
    assert.deepEqual(meaningOf('close', 'ORDERPAID'), meaningOf('close', 'ORDER_PAID'));
    assert.deepEqual(meaningOf('query', 'ORDERNOTEXIST'), meaningOf('query', 'ORDER_NOT_EXIST'));
  });

  it('never make a refusal out of a query: it says nothing of the order', () => {
    for (const call of ['query', 'refund_query'] as const) assert(Object.values(meanings[call]).every(({ final }) => final !== 'no'));
  });

  for (const [call, code, reason] of [
    ['pay', 'NOT_ENOUGH', 'insufficient_funds'],
    ['pay', 'OPENID_MISMATCH', 'payer_mismatch'],
    ['pay', 'NO_AUTH', 'method_not_enabled'],
    ['refund', 'NOT_ENOUGH', 'merchant_balance_insufficient'],
    ['refund', 'USER_ACCOUNT_ABNORMAL', 'refund_not_allowed'],
    ['refund', 'TRADE_OVERDUE', 'refund_window_closed'],
  ] as const) {
    it(`${code} of ${call} is ${reason}`, async () => {
      gateway.simulator.inject({ kind: 'error_code', on: call, code });
      const { fact } = call === 'pay' ? await gateway.client.pay(account, aPayment()) : await gateway.client.refund(account, aRefund(aPayment(), '4200'));
      assert(fact.is === 'refused');
      assert.deepEqual([fact.reason, fact.channel_code], [reason, code]);
    });
  }
});

describe('settings', () => {
  it('are refused with the name of the field that is wrong', async () => {
    const gateway = await aGateway();
    const { config } = await gateway.account('direct', 'public_key');
    const { config: other } = await gateway.account('provider', 'public_key');
    const without = (name: keyof Config) => Object.fromEntries(Object.entries(config).filter(([key]) => key !== name)) as Config;
    const cases: [Config, string][] = [
      [{ ...config, mode: 'provider' }, 'sub_mchid'],
      [{ ...config, sub_mchid: '1600000000' }, 'sub_mchid'],
      [{ ...config, sub_appid: 'wx1' }, 'sub_appid'],
      [{ ...config, private_key: new Secret('no key') }, 'private_key'],
      [{ ...config, certificate: other.certificate ?? '' }, 'serial_no'],
      [{ ...config, certificate: other.certificate ?? '', serial_no: other.serial_no }, 'certificate'],
      [{ ...config, certificate: 'no certificate' }, 'certificate'],
      [without('certificate'), 'certificate'],
      [without('public_key_id'), 'public_key_id'],
      [without('public_key'), 'public_key'],
      [{ ...config, public_key: 'no key' }, 'public_key'],
    ];
    for (const [settings, param] of cases) assert.equal(checkConfig(settings)?.param, param);
    assert.equal(checkConfig(config), undefined);
    assert.equal(checkConfig(other), undefined);
  });

  it('of the gateway pass as they come, and with a field too many they do not', async () => {
    const gateway = await aGateway();
    const settings = gateway.settingsOf(await gateway.account('provider', 'certificate'));
    assert('config' in readSettings(wechatpay as Channel, settings));
    assert(!('config' in readSettings(wechatpay as Channel, { ...settings, gateway: 'x' })));
    assert(!('config' in readSettings(wechatpay as Channel, { ...settings, apiv3_key: 'short' })));
  });
});
