import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { moved_by_time, questions, unchanged } from '../../testing/state.ts';
import { aWorld, type SentNotification, type World } from '../../testing/world.ts';
import { type Shop, shopOf } from '../testing/shop.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = shopOf(world);
  // The gateways repeat what is not acknowledged; here only the test delivers.
  world.hold_notifications = true;
});
after(() => world.close());

const methods = { wechatpay: 'wechat_qr', alipay: 'alipay_qr' } as const;
type Code = keyof typeof methods;

/** A payment that was really paid, with the genuine notification that said so and that never arrived. */
async function withheld(channel: Code): Promise<{ id: string; notification: SentNotification }> {
  const payment = await shop.create({ method: methods[channel] });
  // The sweeper would find the truth by asking, and this is about what is told.
  const later = new Date(world.clock.now().getTime() + 86_400_000);
  await world.ctx.db.kysely.updateTable('attempts').set({ next_query_at: later }).where('payment_id', '=', payment.id).execute();
  const before_count = world.notified.length;
  assert.ok(await shop.pay(payment));
  await world.until(() => world.notified.length > before_count);
  const notification = world.notified[before_count];
  assert.ok(notification);
  return { id: payment.id, notification };
}

const deliver = async ({ url, headers, body }: SentNotification) => {
  const answer = await world.flow(fetch(url, { method: 'POST', headers, body }));
  return { status: answer.status, text: await answer.text() };
};
const counted = async (result: string) => {
  const text = await world.ctx.metrics.expose();
  return [...text.matchAll(new RegExp(`^heliu_notifications_total\\{[^}]*result="${result}"[^}]*\\} (\\d+)`, 'gm'))].reduce(
    (total, [, count]) => total + Number(count),
    0,
  );
};
/** Headers that carry a signature in WeChat Pay; Alipay's signature is a field of the body. */
const without = (headers: Record<string, string>, name: RegExp) => Object.fromEntries(Object.entries(headers).filter(([each]) => !name.test(each)));
const changed = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

const forgeries: Record<Code, readonly (readonly [name: string, forge: (sent: SentNotification) => SentNotification])[]> = {
  wechatpay: [
    ['B-01 without a signature', (sent) => ({ ...sent, headers: without(sent.headers, /signature$/i) })],
    ['B-01 with a random signature', (sent) => replaceHeader(sent, /signature$/i, (value) => changed(value, 40))],
    ['CF-14 as a signature probe', (sent) => replaceHeader(sent, /signature$/i, (value) => `WECHATPAY/SIGNTEST/${value}`)],
    ['B-12 with an unknown serial', (sent) => replaceHeader(sent, /serial$/i, () => '../../etc/passwd')],
    ['B-16 with an old time', (sent) => replaceHeader(sent, /timestamp$/i, (value) => String(Number(value) - 301))],
    ['B-14 with a changed ciphertext', (sent) => ({ ...sent, body: changed(sent.body, sent.body.indexOf('ciphertext') + 40) })],
    ['with no body', (sent) => ({ ...sent, body: '' })],
  ],
  alipay: [
    ['B-01 without a signature', (sent) => ({ ...sent, body: sent.body.replace(/&?sign=[^&]*/, '') })],
    ['B-01 with a random signature', (sent) => ({ ...sent, body: sent.body.replace(/sign=([^&]{40})./, 'sign=$1A') })],
    ['B-02 with another amount', (sent) => ({ ...sent, body: sent.body.replace(/total_amount=[^&]*/, 'total_amount=0.01') })],
    ['B-08 with a parameter twice', (sent) => ({ ...sent, body: `${sent.body}&out_trade_no=1` })],
    ['B-03 with another order number', (sent) => ({ ...sent, body: sent.body.replace(/out_trade_no=([^&]*)./, 'out_trade_no=$1X') })],
    ['with no body', (sent) => ({ ...sent, body: '' })],
  ],
};

function replaceHeader(sent: SentNotification, name: RegExp, change: (value: string) => string): SentNotification {
  return { ...sent, headers: Object.fromEntries(Object.entries(sent.headers).map(([each, value]) => [each, name.test(each) ? change(value) : value])) };
}

for (const channel of Object.keys(methods) as Code[]) {
  describe(`a notification of ${channel}`, () => {
    for (const [name, forge] of forgeries[channel]) {
      it(`${name} changes nothing and is counted`, async () => {
        const { notification } = await withheld(channel);
        const refused = (await counted('unverified')) + (await counted('unreadable'));
        const deliverForged = async () => {
          const answer = await deliver(forge(notification));
          assert.ok(answer.status >= 400 || answer.text !== 'success', `${answer.status} ${answer.text}`);
        };
        await unchanged(world.ctx, deliverForged, moved_by_time);
        assert.equal((await counted('unverified')) + (await counted('unreadable')), refused + 1);
      });
    }

    it('B-04 for one merchant at the address of another changes nothing of either', async () => {
      const { id, notification } = await withheld(channel);
      const other = await world.newMerchant('另一商户');
      const url = notification.url.replace(/acc_\w+$/, other.accounts.get(channel) as string);
      // Money that is nobody's may be parked: a person is asked, and no payment, attempt or refund moves.
      await unchanged(world.ctx, async () => void (await deliver({ ...notification, url })), [...moved_by_time, ...questions, 'evidence']);
      assert.equal((await shop.retrieve(id)).state, 'pending');
    });

    it('B-13 at an address that does not exist is not found', async () => {
      const { notification } = await withheld(channel);
      const deliverAstray = async () => {
        const answer = await deliver({ ...notification, url: notification.url.replace(/acc_\w+$/, 'acc_01JD0000000000000000000000') });
        assert.equal(answer.status, 404);
        const confused = await deliver({ ...notification, url: notification.url.replace(`/notify/${channel}/`, '/notify/another/') });
        assert.equal(confused.status, 404);
      };
      await unchanged(world.ctx, deliverAstray, moved_by_time);
    });

    it('B-09 a hundred times, most of them at once, has one effect and is always acknowledged', async () => {
      const { id, notification } = await withheld(channel);
      const first = await world.flow(Promise.all(Array.from({ length: 50 }, () => deliver(notification))));
      assert.ok(
        first.every(({ status }) => status < 300),
        JSON.stringify(first.find(({ status }) => status >= 300)),
      );
      assert.equal((await shop.retrieve(id)).state, 'paid');
      await world.until(() => world.inbox.some(({ data, type }) => data.id === id && type === 'payment.paid'));
      const deliverAgain = async () => {
        const again = await world.flow(Promise.all(Array.from({ length: 50 }, () => deliver(notification))));
        assert.ok(again.every(({ status }) => status < 300));
      };
      await unchanged(world.ctx, deliverAgain, moved_by_time);
      const events = await world.ctx.db.kysely.selectFrom('events').select('id').where('object_id', '=', id).execute();
      assert.equal(events.length, 1);
      assert.equal(world.inbox.filter(({ data, type }) => data.id === id && type === 'payment.paid').length, 1);
    });
  });
}
