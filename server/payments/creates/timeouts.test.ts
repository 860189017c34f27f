import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { channelNo } from '../../kernel/id.ts';
import { createChannelAccount } from '../../merchants/service.ts';
import { someBranches } from '../../routing/testing/branches.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { type Line, openLine } from '../testing/line.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

type Branches = Awaited<ReturnType<typeof someBranches>>;
type Hanging = { readonly shop: Branches; readonly line: Line; readonly account: string };

/** A shop whose first account is reached by a line of its own, and whose second one is always there. */
async function aShop(t: { after: (work: () => Promise<void>) => void }): Promise<Hanging> {
  const shop = await someBranches(world, 1);
  const settings = await world.simulators.get('wechatpay')?.enroll({ mode: 'direct', trust: 'public_key' });
  assert(settings);
  const line = await openLine(String(settings.gateway_url));
  t.after(line.close);
  const { pathname } = new URL(String(settings.gateway_url));
  const own = { merchant_id: shop.merchant.id, livemode: false, channel: 'wechatpay', name: '会断的线', priority: 1 };
  const { id } = await createChannelAccount(world.ctx, { ...own, settings: { ...settings, gateway_url: `${line.origin}${pathname}` } });
  return { shop, line, account: id };
}

const attemptsOf = (shop: Branches) =>
  world.ctx.db.kysely
    .selectFrom('attempts')
    .select(['id', 'payment_id', 'channel_account_id', 'state'])
    .where('merchant_id', '=', shop.merchant.id)
    .orderBy('id')
    .execute();
const paymentsOf = (shop: Branches) =>
  world.ctx.db.kysely.selectFrom('payments').select(['id', 'state']).where('merchant_id', '=', shop.merchant.id).orderBy('id').execute();

/** What the gateway's own books say that a payment cost its payer, over all its orders. */
async function chargedFor(shop: Branches): Promise<Map<string, { charges: number; kept_fen: number }>> {
  const { payments, refunds } = world.simulators.get('wechatpay')?.truth() ?? assert.fail();
  const owner = new Map((await attemptsOf(shop)).map(({ id, payment_id }) => [channelNo(shop.merchant.code, id), payment_id]));
  const sums = new Map([...owner.values()].map((id) => [id, { charges: 0, kept_fen: 0 }]));
  for (const { order_no, amount_fen } of payments) {
    const sum = sums.get(owner.get(order_no) ?? '');
    if (sum) Object.assign(sum, { charges: sum.charges + 1, kept_fen: sum.kept_fen + amount_fen });
  }
  for (const { order_no, amount_fen, state } of refunds) {
    const sum = sums.get(owner.get(order_no) ?? '');
    if (sum && state === 'succeeded') sum.kept_fen -= amount_fen;
  }
  return sums;
}

const settled = async (shop: Branches) => (await attemptsOf(shop)).every(({ state }) => state !== 'sending' && state !== 'waiting');
/** Payments of a busy till, this far apart, whatever became of the ones before. */
const apart_ms = 200;

describe('an account whose calls hang', () => {
  for (const method of ['wechat_qr', 'barcode'] as const) {
    for (const lost of ['requests', 'answers'] as const) {
      it(`loses its ${method} traffic within 20 payments while ${lost} are lost, gets it back afterwards, and nobody pays twice`, async (t) => {
        const { shop, line, account } = await aShop(t);
        const send = () => {
          const code = method === 'barcode' ? { auth_code: shop.paymentCode('wechatpay', 'pays') } : {};
          return shop.ask('/v1/payments', shop.order({ method, expires_in_s: 120, ...code }));
        };
        const arrive = async (count: number) => {
          const sent: ReturnType<typeof send>[] = [];
          for (let n = 0; n < count; n++) {
            sent.push(send());
            await passTime(world, apart_ms, { step_ms: apart_ms / 4 });
          }
          const all = Promise.all(sent);
          let over = false;
          void all.finally(() => {
            over = true;
          });
          await passTimeUntil(world, () => over, { step_ms: 250 });
          const replies = await all;
          for (const { status, text } of replies) assert.equal(status, 201, text);
          return Promise.all(replies.map(async ({ body }) => (await shop.retrieve(body.id)).attempt.channel_account_id));
        };

        assert.deepEqual(new Set(await arrive(4)), new Set([account]), 'it is the first choice');
        line.lost = lost;
        const during = await arrive(30);
        const left_at = during.findIndex((id) => id !== account);
        assert.ok(left_at > 0 && left_at <= 20, `its traffic left after ${left_at} payments`);
        assert.ok(!during.slice(20).includes(account), `it was tried again: ${during.map((id) => (id === account ? 'A' : 'B')).join('')}`);

        line.lost = 'nothing';
        // The circuit opens again for at most a minute after each probe that failed.
        await passTime(world, 65_000);
        await arrive(4);
        assert.deepEqual(new Set(await arrive(6)), new Set([account]), 'it has its traffic back');

        await passTimeUntil(world, () => settled(shop), { virtual_ms: 3_600_000, step_ms: 5_000 });
        const charged = await chargedFor(shop);
        const payments = await paymentsOf(shop);
        assert.equal(payments.length, 44);
        for (const { id, state } of payments) {
          const { charges, kept_fen } = charged.get(id) ?? assert.fail('every payment has an order');
          assert.ok(charges <= 1, `${id} was charged ${charges} times`);
          assert.equal(kept_fen, state === 'paid' ? 100 : 0, `${id} is ${state} and its payer is out of ${kept_fen} fen`);
        }
        if (method === 'barcode') assert.ok(payments.filter(({ state }) => state === 'paid').length >= 24, 'what did not hang was paid');
      });
    }
  }
});
