import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createChannelClient } from '../../channels/client.ts';
import { buildFlatXml } from '../../channels/flat-xml.ts';
import { channels } from '../../channels/registry.ts';
import { signFields } from '../../channels/wechatpay/xml.ts';
import { newId } from '../../kernel/id.ts';
import { toFen } from '../../kernel/money.ts';
import { Secret } from '../../kernel/secret.ts';
import { createChannelAccount, findAccountById } from '../../merchants/service.ts';
import type { ShownPayment } from '../../payments/testing/shop.ts';
import { questions, type Rightly, unchangedAtRest } from '../state.ts';
import { aWorld, type World } from '../world.ts';
import { type Answer, requestsSent, shoot } from './attacker.ts';
import { aKeyHolder, type Code, type KeyHolder, type Message, methods } from './genuine.ts';
import { lies, set, xmlBombs } from './lies.ts';

/**
 * Group B of reliability.md at the addresses where channels report. What is forged changes no row; what is genuine and
 * wrong moves no money and is shown to a person.
 */
const both: readonly Code[] = ['wechatpay', 'alipay'];
let world: World;
const holders = {} as Record<Code, KeyHolder>;
/** A server that nobody may ask for anything: where hostile texts point to. */
let canary: Server;
let canary_url: string;
let canary_hits = 0;

before(async () => {
  world = await aWorld({ nodes: 2 });
  world.hold_notifications = true;
  for (const channel of both) {
    const holder = await aKeyHolder(world, channel);
    holders[channel] = holder;
    // Its webhooks go out too: one that tells of what was forged would be a row.
    const key = await world.newKey(holder.shop.merchant.id, false, ['webhook_endpoints:write']);
    const endpoint = await world.flow(world.api('POST', '/v1/webhook_endpoints', { key, body: { url: world.receiver_url } }));
    assert.equal(endpoint.status, 201, endpoint.text);
  }
  canary = createServer((_, answer) => {
    canary_hits += 1;
    answer.end('canary');
  });
  canary.listen(0, '127.0.0.1');
  await once(canary, 'listening');
  canary_url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}`;
});
after(async () => {
  canary.closeAllConnections();
  canary.close();
  await world.close();
});

const post = ({ url, headers, body }: { readonly url: string; readonly headers: Record<string, string>; readonly body: string | Buffer }, node = 0) =>
  shoot(url.replace(/:\d+\//, `:${(world.nodes[node] as World['nodes'][number]).ctx.config.port}/`), { method: 'POST', headers, body });
const deliver = (message: Message, node?: number) => world.flow(post(message, node));
const listed = async ({ shop: { key } }: KeyHolder): Promise<ShownPayment[]> =>
  (await world.flow(world.api('GET', '/v1/payments?limit=100', { key }))).body.data;
const isAcknowledged = ({ status, text }: Answer) => status === 200 && /success/i.test(text);
/**
 * What a genuine message that is wrong leaves: evidence, history and a question for a person, of that merchant; and an
 * unknown is asked about sooner. Money, the ledger and what merchants are told of their money are what they were.
 */
const recorded = ({ shop }: KeyHolder): Rightly => ({
  gains: { in: ['transitions', 'evidence', ...questions], of: [shop.merchant.id], events: ['anomaly.opened', 'recon_exception.opened'] },
  // Time passes: whose order is open is asked about meanwhile.
  columns: { payments: ['version'], attempts: ['version', 'next_query_at', 'query_tries'] },
});

for (const channel of both) {
  describe(`a truly signed message of ${channel} that is wrong`, () => {
    let payment: ShownPayment;
    let holder: KeyHolder;
    before(async () => {
      holder = holders[channel];
      payment = await holder.waiting();
    });

    /** All that the merchant sees of its payments. When an unknown is asked about next is no business of theirs, and moves the version. */
    const shown = async () => (await listed(holder)).map(({ version: _version, ...rest }) => rest);

    for (const [what, change] of lies[channel]) {
      it(`(${what}) pays nothing`, () =>
        unchangedAtRest(
          world,
          async () => {
            const before = await shown();
            await deliver(holder.signed(change(holder.paid(payment))));
            assert.deepEqual(await shown(), before);
            assert.equal(before.find(({ id }) => id === payment.id)?.state, 'pending');
          },
          recorded(holder),
        ));
    }

    it('B-20 about a refund that nobody asked for moves nothing and is parked', () =>
      unchangedAtRest(
        world,
        async () => {
          const out_refund_no = `${payment.attempt.channel_order_no.slice(0, 6)}${newId('refund', world.clock.now(), world.ctx.rng).slice(4)}`;
          const { mchid, out_trade_no, transaction_id, success_time } = holder.paid(payment) as Record<string, string>;
          const refund = { refund_id: '50000', refund_status: 'SUCCESS', amount: { total: 100, refund: 100, payer_total: 100, payer_refund: 100 } };
          const message =
            channel === 'wechatpay'
              ? holder.signed({ mchid, out_trade_no, transaction_id, success_time, out_refund_no, ...refund }, { event_type: 'REFUND.SUCCESS' })
              : holder.signed({ ...holder.paid(payment), out_biz_no: out_refund_no, refund_fee: '1.00', gmt_refund: '2026-11-22 12:00:00.000' });
          await deliver(message);
          const shown = await holder.shop.retrieve(payment.id);
          assert.deepEqual([shown.state, shown.refunded_fen, shown.refunding_fen], ['pending', 0, 0]);
        },
        recorded(holder),
      ));

    it('and after all of that the true word pays it, once', async () => {
      const message = holder.signed(holder.paid(payment));
      assert.ok(isAcknowledged(await deliver(message)));
      const shown = await holder.shop.retrieve(payment.id);
      assert.deepEqual([shown.state, shown.paid_fen], ['paid', 100]);
    });

    it('B-10 B-11 whatever is said of a paid payment afterwards takes nothing back', async () => {
      const told = holder.paid(payment);
      const [field, states] =
        channel === 'wechatpay'
          ? ['trade_state', ['CLOSED', 'NOTPAY', 'USERPAYING', 'PAYERROR', 'REVOKED', 'REFUND', 'SUCCESS']]
          : ['trade_status', ['TRADE_CLOSED', 'WAIT_BUYER_PAY', 'TRADE_FINISHED', 'TRADE_SUCCESS']];
      const before = await holder.shop.retrieve(payment.id);
      const sayAll = async () => {
        await deliver(holder.signed(told));
        for (const state of states as readonly string[]) {
          const { gmt_payment, ...unpaid } = told;
          await deliver(holder.signed(set(field as string, state)(state === 'TRADE_CLOSED' ? unpaid : { ...unpaid, ...(gmt_payment ? { gmt_payment } : {}) })));
          const { state: now, paid_fen, refunded_fen } = await holder.shop.retrieve(payment.id);
          assert.deepEqual([now, paid_fen, refunded_fen], ['paid', before.paid_fen, 0], state);
        }
      };
      await unchangedAtRest(world, sayAll, recorded(holder));
    });
  });

  describe(`what is forged, at the address of ${channel}`, () => {
    let payment: ShownPayment;
    let holder: KeyHolder;
    let genuine: Message;
    before(async () => {
      holder = holders[channel];
      payment = await holder.waiting();
      genuine = holder.signed(holder.paid(payment));
    });
    /** None of them may change a row. */
    const refused = (messages: () => readonly { readonly url?: string; readonly headers?: Record<string, string>; readonly body?: string | Buffer }[]) =>
      unchangedAtRest(world, async () => {
        for (const change of messages()) {
          const answer = await world.flow(post({ ...genuine, ...change }));
          assert.ok(!isAcknowledged(answer), `${JSON.stringify(change).slice(0, 200)} was acknowledged: ${answer.text}`);
        }
      });

    it('B-05 B-06 B-07 XML with entities, document types and other encodings is refused unread, and reaches no file and no network', async () => {
      await refused(() =>
        xmlBombs(canary_url).flatMap((body) =>
          ['text/xml', 'application/xml', 'application/json'].map((type) => ({ body, headers: { ...genuine.headers, 'content-type': type } })),
        ),
      );
      assert.equal(canary_hits, 0);
    });

    it('B-03 B-08 parameters in the URL say nothing, whatever they say', async () => {
      const other = await holder.waiting();
      const own = holder.signed(holder.paid(other));
      const query = `?out_trade_no=${payment.attempt.channel_order_no}&total_amount=0.01&trade_status=TRADE_CLOSED&sign=x&app_id=1`;
      await unchangedAtRest(world, async () => assert.ok(isAcknowledged(await deliver({ ...own, url: own.url + query }))), {
        // The order that was paid, and what counts and adds up payments.
        about: [other.id, other.attempt.id],
        but: ['event_sequences', 'ledger_books', 'ledger_entries', 'ledger_turnovers', 'price_volumes'],
        gains: { in: ['evidence'], of: [holder.shop.merchant.id], events: ['payment.paid'] },
      });
      assert.deepEqual(await holder.shop.events(payment.id), []);
      assert.equal((await holder.shop.retrieve(other.id)).state, 'paid');
      assert.equal((await holder.shop.retrieve(payment.id)).state, 'pending');
    });

    it('B-13 a message of one channel is nothing at the address of another', async () => {
      const other = holders[channel === 'wechatpay' ? 'alipay' : 'wechatpay'];
      const elsewhere = other.signed(other.paid(await other.waiting()));
      await refused(() =>
        [
          { ...elsewhere, url: genuine.url },
          { ...genuine, url: elsewhere.url },
        ].map((each) => each),
      );
      await unchangedAtRest(world, async () => {
        for (const path of [
          '/notify/sandbox/x',
          '/notify/mock/x',
          '/sim/wechatpay/v3/pay/transactions/native',
          '/sandbox',
          '/pay',
          `/notify/${channel}`,
          `/notify/${channel}/`,
        ])
          assert.equal((await post({ ...genuine, url: `${world.ctx.config.public_url}${path}` })).status, 404, path);
      });
    });

    it('B-17 a synchronous return that says SUCCESS changes nothing: there is no page that listens', () =>
      unchangedAtRest(world, async () => {
        const query = new URLSearchParams({ out_trade_no: payment.attempt.channel_order_no, trade_status: 'TRADE_SUCCESS', total_amount: '1.00' });
        for (const path of ['/return', '/pay/return', `/notify/${channel}/return`, new URL(genuine.url).pathname, `/v1/payments/${payment.id}/return`, '/'])
          for (const method of ['GET', 'PUT', 'HEAD'])
            assert.ok([401, 404, 405].includes((await shoot(`${world.ctx.config.public_url}${path}?${query}`, { method })).status), `${method} ${path}`);
      }));

    it('B-01 a signature that is random, empty, cut, of another body or of the old kind is none', () =>
      refused(() =>
        channel === 'wechatpay'
          ? ['', 'AAAA', 'x'.repeat(344), Buffer.alloc(256, 1).toString('base64'), Buffer.alloc(100_00).toString('base64')].map((signature) => ({
              headers: { ...genuine.headers, 'wechatpay-signature': signature },
            }))
          : ['', 'AAAA', 'x'.repeat(344), encodeURIComponent(Buffer.alloc(256, 1).toString('base64')), '%00'].map((signature) => ({
              body: genuine.body.replace(/sign=[^&]*$/, `sign=${signature}`),
            })),
      ));

    it('and what is left of the genuine message pays', async () => {
      assert.equal((await holder.shop.retrieve(payment.id)).state, 'pending');
      assert.ok(isAcknowledged(await deliver(genuine)));
      assert.equal((await holder.shop.retrieve(payment.id)).state, 'paid');
    });
  });
}

describe('B-14: what is sealed inside a message of wechatpay', () => {
  it('opens under its own key, nonce, data and tag alone, and a failure says nothing of which it was', async () => {
    const holder = holders.wechatpay;
    const payment = await holder.waiting();
    const fields = holder.paid(payment);
    const good = JSON.parse(holder.signed(fields).body).resource as { ciphertext: string; nonce: string };
    const bytes = Buffer.from(good.ciphertext, 'base64');
    const cut = (length: number) => bytes.subarray(0, length).toString('base64');
    const flipped = (at: number) => Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))).toString('base64');
    const seals: Readonly<Record<string, Record<string, string>>> = {
      'another key': { key: 'k'.repeat(32) },
      'another nonce': { ciphertext: good.ciphertext, nonce: 'n'.repeat(12) },
      'no nonce': { ciphertext: good.ciphertext, nonce: '' },
      'other data': { associated_data: 'refund' },
      'no data': { associated_data: '' },
      'another algorithm': { algorithm: 'AEAD_SM4_GCM' },
      'no algorithm': { algorithm: 'none' },
      'a tag that was changed': { ciphertext: flipped(bytes.length - 1), nonce: good.nonce },
      'a text that was changed': { ciphertext: flipped(0), nonce: good.nonce },
      'a tag that was cut': { ciphertext: cut(bytes.length - 12), nonce: good.nonce },
      'nothing but a tag': { ciphertext: bytes.subarray(-16).toString('base64'), nonce: good.nonce },
      nothing: { ciphertext: '' },
      'no base64': { ciphertext: '\u0000' },
    };
    const answers = new Set<string>();
    await unchangedAtRest(world, async () => {
      for (const [what, seal] of Object.entries(seals)) {
        const answer = await deliver(holder.signed(fields, { seal }));
        assert.ok(!isAcknowledged(answer), what);
        answers.add(`${answer.status} ${answer.text}`);
      }
    });
    assert.equal(answers.size, 1);
  });

  it('B-12 a serial number is a name and nothing more: no path, no URL, no other key', async () => {
    const holder = holders.wechatpay;
    const payment = await holder.waiting();
    const genuine = holder.signed(holder.paid(payment));
    const serials = [
      '',
      '0',
      '../../etc/passwd',
      `${canary_url}/key.pem`,
      'file:///etc/passwd',
      'PUB_KEY_ID_',
      'PUB_KEY_ID_1',
      '__proto__',
      'constructor',
      'a'.repeat(10_000),
      '%00',
      "' or 1=1 --",
    ];
    await unchangedAtRest(world, async () => {
      for (const serial of serials) {
        const answer = await deliver({ ...genuine, headers: { ...genuine.headers, 'wechatpay-serial': serial } });
        assert.ok(!isAcknowledged(answer), serial.slice(0, 40));
      }
    });
    assert.equal(canary_hits, 0);
  });
});

it('B-21 whoever holds the APIv2 key and signs a perfect message with it is not heard: nothing that MD5 vouches for is taken', async () => {
  const holder = holders.wechatpay;
  const payment = await holder.waiting();
  const genuine = holder.signed(holder.paid(payment));
  const { mchid, appid, apiv2_key } = holder.settings as Record<string, string>;
  const fields = {
    return_code: 'SUCCESS',
    result_code: 'SUCCESS',
    appid: appid as string,
    mch_id: mchid as string,
    nonce_str: 'n0123456789abcdef',
    trade_type: 'NATIVE',
    total_fee: '100',
    cash_fee: '100',
    fee_type: 'CNY',
    out_trade_no: payment.attempt.channel_order_no,
    transaction_id: '4200000000000001',
    time_end: '20261122100000',
  };
  await unchangedAtRest(world, async () => {
    for (const type of ['MD5', 'HMAC-SHA256'] as const) {
      const body = buildFlatXml({ ...fields, sign_type: type, sign: signFields({ ...fields, sign_type: type }, new Secret(apiv2_key as string), type) });
      for (const headers of [{ 'content-type': 'text/xml' }, { ...genuine.headers, 'content-type': 'text/xml' }])
        assert.ok(!isAcknowledged(await deliver({ ...genuine, headers, body })), type);
    }
  });
  assert.equal((await holder.shop.retrieve(payment.id)).state, 'pending');
});

it('B-08 a parameter without a value is signed by nobody and says nothing', async () => {
  const holder = holders.alipay;
  const payment = await holder.waiting();
  const message = holder.signed(holder.paid(payment));
  const deliverWith = async (name: string) => assert.ok(isAcknowledged(await deliver({ ...message, body: `${name}=&${message.body}` })), name);
  await deliverWith('refund_fee');
  const deliverAll = async () => {
    for (const name of ['gmt_refund', 'out_biz_no', 'trans_currency', 'msg_method', 'x']) await deliverWith(name);
  };
  await unchangedAtRest(world, deliverAll, { gains: { in: ['evidence'], of: [holder.shop.merchant.id] } });
  const shown = await holder.shop.retrieve(payment.id);
  assert.deepEqual([shown.state, shown.paid_fen, shown.refunded_fen], ['paid', 100, 0]);
});

it('B-15 an account with an empty secret, or with a key that anyone has, is not saved', () =>
  unchangedAtRest(world, async () => {
    for (const channel of both) {
      const { settings } = holders[channel];
      const secrets = channel === 'wechatpay' ? ['private_key', 'apiv3_key', 'apiv2_key', 'public_key'] : ['app_private_key', 'alipay_public_key'];
      for (const name of secrets) {
        for (const value of ['', ' ', '0', 'secret', 'changeme', null, 0, true, [], {}]) {
          await assert.rejects(
            createChannelAccount(world.ctx, {
              merchant_id: holders[channel].shop.merchant.id,
              livemode: false,
              channel,
              name: 'empty',
              settings: { ...settings, [name]: value },
            }),
            { name: 'RefusalError' },
            `${channel} ${name} ${JSON.stringify(value)}`,
          );
        }
      }
    }
  }));

// Last, because time passes: what waits elsewhere is asked about and closed meanwhile.
for (const channel of both) {
  it(`B-04 whoever has an account at ${channel} cannot pay the order of another with an order of their own under its number`, async () => {
    const victim = world.accounts.get(channel) as string;
    world.inject(channel, { kind: 'drop_before', on: 'pay', times: 2 });
    const { body: payment } = await world.flow(
      world.api('POST', '/v1/payments', {
        body: { merchant_order_no: `victim-${channel}`, amount_fen: 100, subject: 'x', method: methods[channel], channel_account_id: victim },
      }),
    );
    assert.equal(payment.attempt.state, 'sending');
    // The attacker is a merchant of the same gateway, and asks it to notify the victim's address.
    const attacker = await world.newMerchant('攻击者');
    const account = await findAccountById(world.ctx, attacker.accounts.get(channel) as string);
    assert(account);
    const { channel_order_no } = payment.attempt;
    const now = world.clock.now();
    const client = createChannelClient(world.ctx, channels);
    const order = { channel_order_no, method: methods[channel], amount_fen: toFen(100), currency: 'CNY', subject: 'x', created_at: now } as const;
    const { fact } = await world.flow(
      client.pay(account, {
        ...order,
        expires_at: new Date(now.getTime() + 3_600_000),
        notify_url: `${world.ctx.config.public_url}/notify/${channel}/${victim}`,
      }),
    );
    assert.equal(fact.is, 'waiting');
    const told = world.notified.length;
    assert.deepEqual(await world.flow(world.simulators.get(channel)?.act(channel_order_no, { do: 'pay' }) ?? Promise.reject(new Error('no gateway'))), {
      done: true,
    });
    await world.until(() => world.notified.length > told);
    const message = world.notified[told] as Message;
    assert.ok(message.url.endsWith(victim));
    // Meanwhile the victim's own attempt is asked about.
    await unchangedAtRest(world, async () => void (await deliver(message)), {
      gains: { in: ['transitions', 'evidence', ...questions], of: [world.merchant.id], events: ['anomaly.opened', 'recon_exception.opened'] },
      columns: { payments: ['version'], attempts: ['version', 'next_query_at', 'query_tries'] },
    });
    const shown = await world.flow(world.api('GET', `/v1/payments/${payment.id}`));
    assert.deepEqual([shown.body.state, shown.body.paid_fen], ['pending', 0]);
  });
}

/** What is told once more at the end, when everything else has come due. */
const told_again: (() => Promise<void>)[] = [];
for (const channel of both) {
  const copies = { wechatpay: 200, alipay: 1_000 }[channel];
  it(`B-09 a genuine message of ${channel} ${copies} times at once on two nodes has one effect`, async () => {
    const holder = holders[channel];
    const payment = await holder.waiting();
    const message = holder.signed(holder.paid(payment));
    const deliverAll = (count: number) => world.flow(Promise.all(Array.from({ length: count }, (_, at) => post(message, at % 2))));
    const answers = await deliverAll(copies);
    assert.ok(answers.every(isAcknowledged), answers.find((answer) => !isAcknowledged(answer))?.text);
    const effects = async () => {
      const { kysely } = world.ctx.db;
      const of_both = [payment.id, payment.attempt.id];
      const transitions = await kysely
        .selectFrom('transitions')
        .selectAll()
        .where('object_id', 'in', of_both)
        .orderBy('object_id')
        .orderBy('version')
        .execute();
      const anomalies = await kysely.selectFrom('anomalies').selectAll().where('payment_id', '=', payment.id).execute();
      return { transitions, anomalies, events: await holder.shop.events(payment.id), payment: await holder.shop.retrieve(payment.id) };
    };
    const once_told = await effects();
    assert.deepEqual([once_told.events, once_told.payment.paid_fen, once_told.anomalies], [['payment.paid'], 100, []]);
    await unchangedAtRest(world, async () => void (await deliverAll(20)));
    told_again.push(async () => {
      await deliverAll(20);
      assert.deepEqual(await effects(), once_told);
    });
  });
}

it('B-09 and again after days', async () => {
  world.clock.advance(3 * 86_400_000);
  assert.equal(told_again.length, both.length);
  for (const tellAgain of told_again) await tellAgain();
});

it('group B: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
