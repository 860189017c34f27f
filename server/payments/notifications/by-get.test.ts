import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop } from '../testing/shop.ts';

/** A gateway that tells of payments by GET, and one that does not. */
const by_get = [...channels.values()].find(({ notification }) => notification.by_get);
assert.ok(by_get);
const { code } = by_get;

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter(({ channel }) => channel === code || channel === 'alipay') });
});
after(() => world.close());

const addressOf = (account: string | undefined, channel: string) => `${world.ctx.config.public_url}/notify/${channel}/${account}`;

it('a notification that comes by GET pays, is acknowledged in the gateway’s word, and pays once', async () => {
  const shop = await newShop(world);
  const payment = await shop.create({ method: 'wechat_qr' });
  assert.equal(payment.attempt.channel, code);
  const before_count = world.notified.length;
  assert.ok(await shop.pay(payment));
  assert.equal((await shop.reaches(payment.id, 'paid')).paid_fen, 100);
  const notice = world.notified[before_count];
  assert.ok(notice);
  const again = await world.flow(fetch(`${notice.url}?${notice.body}`));
  assert.deepEqual([again.status, await again.text()], [200, 'success']);
  const posted = await world.flow(fetch(notice.url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: notice.body }));
  assert.equal(posted.status, 200, 'some installations can be set to POST');
  assert.equal((await shop.events(payment.id)).filter((type) => type === 'payment.paid').length, 1);
});

it('B-01 a GET that is forged, bare, a HEAD, or to a gateway that posts changes nothing', async () => {
  const shop = await newShop(world);
  const payment = await shop.create({ method: 'wechat_qr' });
  const url = addressOf(shop.accounts.get(code), code);
  const forged = new URLSearchParams({ pid: '1', trade_no: 'T', out_trade_no: payment.attempt.channel_order_no, money: '1.00', trade_status: 'TRADE_SUCCESS' });
  for (const [address, method, status] of [
    [`${url}?${forged}&sign=${'0'.repeat(32)}`, 'GET', 500],
    [url, 'GET', 500],
    [`${url}?`, 'HEAD', 404],
    [`${addressOf(shop.accounts.get('alipay'), 'alipay')}?${forged}`, 'GET', 404],
    [`${addressOf('acc_00000000000000000000000000', code)}?${forged}`, 'GET', 404],
  ] as const) {
    assert.equal((await world.flow(fetch(address, { method }))).status, status, `${method} ${address}`);
  }
  assert.equal((await shop.retrieve(payment.id)).state, 'pending');
});
