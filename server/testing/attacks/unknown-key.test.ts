import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { trust_probe_cooldown_ms } from '../../kernel/limits.ts';
import { createChannelAccount } from '../../merchants/service.ts';
import { type Shop, shopOf } from '../../payments/testing/shop.ts';
import { moved_by_time, unchanged } from '../state.ts';
import { aWorld, type World } from '../world.ts';
import { shoot } from './attacker.ts';
import type { Message } from './genuine.ts';

/** Group B of reliability.md where messages name no key, and an unknown one has to be asked for. */
let world: World;
before(async () => {
  world = await aWorld();
  world.hold_notifications = true;
});
after(() => world.close());

const post = ({ url, headers, body }: Message) => shoot(url, { method: 'POST', headers, body });

/** An account that verifies Alipay by certificates, of which messages name none. */
async function byCertificate(): Promise<{ shop: Shop; url: string }> {
  const simulator = world.simulators.get('alipay');
  assert.ok(simulator);
  const settings = await simulator.enroll({ mode: 'direct', trust: 'certificate' });
  const { merchant, key } = await world.newMerchant('证书商户');
  const account = { merchant_id: merchant.id, livemode: false, channel: 'alipay', name: 'certificate', settings, priority: 1 };
  const { id } = await createChannelAccount(world.ctx, account);
  return { shop: shopOf(world, { merchant, key, accounts: new Map([['alipay', id]]) }), url: `${world.ctx.config.public_url}/notify/alipay/${id}` };
}
const probes = async () => {
  const text = await world.ctx.metrics.expose();
  const counts = [...text.matchAll(/^heliu_channel_calls_total\{[^}]*operation="trust_probe"[^}]*\} (\d+)/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
};

it('B-18 a flood of forged messages asks the gateway for its key once a minute and account, and the true one is heard', async () => {
  const { shop, url } = await byCertificate();
  const payment = await shop.create({ method: 'alipay_qr' });
  const later = new Date(world.clock.now().getTime() + 30 * 86_400_000);
  await world.ctx.db.kysely.updateTable('attempts').set({ next_query_at: later }).where('payment_id', '=', payment.id).execute();
  world.inject('alipay', { kind: 'rotate_key' });
  assert.ok(await shop.pay(payment));
  await world.until(() => world.notified.some((sent) => sent.url === url));
  const genuine = world.notified.find((sent) => sent.url === url) as Message;
  const forged = { ...genuine, body: genuine.body.replace(/total_amount=[^&]*/, 'total_amount=0.01') };
  const before = await probes();
  const flood = async () => {
    const answers = await world.flow(Promise.all(Array.from({ length: 200 }, () => post(forged))));
    assert.ok(answers.every(({ status }) => status === 400));
  };
  await unchanged(world.ctx, flood, moved_by_time);
  assert.equal(await probes(), before + 1);
  const heard = await world.flow(post(genuine));
  assert.match(`${heard.status} ${heard.text}`, /^200 success$/i, 'the key that the flood had asked for verifies it');
  assert.equal((await shop.retrieve(payment.id)).state, 'paid');
  world.clock.advance(trust_probe_cooldown_ms);
  for (let nth = 0; nth < 20; nth++) await world.flow(post(forged));
  assert.equal(await probes(), before + 2);
});
