import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { aPlate } from '../plates/testing/plate.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = await newShop(world);
});
after(() => world.close());
beforeEach(() => world.clock.advance(10_000));

const agents = {
  wechat: 'Mozilla/5.0 (Linux; Android 14) Mobile MicroMessenger/8.0.49',
  phone: 'Mozilla/5.0 (iPhone) Mobile/15E148 Safari/604.1',
  work: 'Mozilla/5.0 (iPhone) Mobile/15E148 wxwork/4.1.0 MicroMessenger/7.0.1',
};
const ask = (url: string, device: keyof typeof agents, form?: Record<string, string>) =>
  world.flow(
    fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      headers: { 'user-agent': agents[device], 'accept-language': 'zh-CN' },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    }),
  );

const tapOf = (page: string): string => /name="tap" value="([^"]+)"/.exec(page)?.[1] ?? '';
const payments = async () => (await shop.read('/v1/payments?limit=100')).data;

describe('the page of a plate', () => {
  it('shows shop and store, asks for the amount, and makes one payment of a tap however often it is pressed', async () => {
    const { url } = await aPlate(shop);
    const page = await (await ask(url, 'phone')).text();
    assert.ok(page.includes('小店') && page.includes('南京东路店') && page.includes('inputmode="decimal"'), page);
    const form = { amount: '12.5', tap: tapOf(page) };
    const answers = [await ask(url, 'phone', form), await ask(url, 'phone', form), await ask(url, 'phone', form)];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303, 303],
    );
    assert.equal(new Set(answers.map(({ headers }) => headers.get('location'))).size, 1);
    const [made, ...others] = await payments();
    assert.deepEqual([made.amount_fen, made.state, made.attempt, others.length], [1250, 'pending', null, 0]);
  });

  it('asks the wallet that scanned at once: one press after the amount', async () => {
    const { url } = await aPlate(shop, { fixed_amount_fen: 880 });
    const page = await (await ask(url, 'wechat')).text();
    assert.match(page, /8\.80/);
    const pressed = await ask(url, 'wechat', { tap: tapOf(page) });
    assert.equal(pressed.status, 200);
    assert.match(await pressed.text(), /&quot;type&quot;:&quot;hop&quot;/);
    const cookie = pressed.headers.get('set-cookie') ?? '';
    assert.match(cookie, /^heliu_browser=[0-9A-Z]{26}; Path=\/c\/[0-9A-Z]{32}; HttpOnly/);
  });

  it('tells whoever scanned with an app that cannot pay here, and which can, before anything is typed', async () => {
    const { url } = await aPlate(shop);
    const page = await (await ask(url, 'work')).text();
    assert.match(page, /此应用暂不支持付款/);
    assert.ok(page.includes('南京东路店') && page.includes('微信') && page.includes('支付宝'), page);
    assert.doesNotMatch(page, /<form|<input/);
    assert.match(await (await ask(`${url}?lang=en`, 'work')).text(), /This app cannot pay here/);
  });

  it('C-08 takes no other amount than a fixed one, and none beyond its limit', async () => {
    const fixed = await aPlate(shop, { fixed_amount_fen: 880 });
    const before_count = (await payments()).length;
    const page = await (await ask(fixed.url, 'phone')).text();
    const pressed = await ask(fixed.url, 'phone', { amount: '0.01', amount_fen: '1', tap: tapOf(page) });
    assert.equal(pressed.status, 303);
    const [made] = await payments();
    assert.equal(made.amount_fen, 880);
    const limited = await aPlate(shop, { amount_fen_max: 1000 });
    for (const amount of ['10.01', '0', '-1', '1e3', '1.234', 'x', '', '99999999999']) {
      const tap = tapOf(await (await ask(limited.url, 'phone')).text());
      const answer = await ask(limited.url, 'phone', { amount, tap });
      assert.equal(answer.status, 200, amount);
      assert.match(await answer.text(), /class="say bad"/, amount);
    }
    assert.equal((await payments()).length, before_count + 1);
  });

  it('A-10 asks again for an amount or a remark that no payment may have', async () => {
    const open = await aPlate(shop, { remark: 'optional' });
    const before_count = (await payments()).length;
    for (const [amount, remark] of [
      ['100000000.01', ''],
      ['999999999999999', ''],
      ['1', '\u0000'],
      ['1', 'a\u202Eb'],
      ['1', '备'.repeat(61)],
    ] as const) {
      const tap = tapOf(await (await ask(open.url, 'phone')).text());
      const answer = await ask(open.url, 'phone', { amount, remark, tap });
      assert.equal(answer.status, 200, amount + encodeURIComponent(remark));
      assert.match(await answer.text(), /class="say bad"/);
    }
    assert.equal((await payments()).length, before_count);
    const tap = tapOf(await (await ask(open.url, 'phone')).text());
    assert.equal((await ask(open.url, 'phone', { amount: '1', remark: '三号桌', tap })).status, 303);
    assert.equal((await payments())[0].metadata.remark, '三号桌');
  });

  it('C-07 of a code that is off or was never given out shows no shop and takes nothing', async () => {
    const { id, url } = await aPlate(shop);
    const tap = tapOf(await (await ask(url, 'phone')).text());
    await shop.post(`/v1/plates/${id}/disable`, {});
    const before_count = (await payments()).length;
    for (const answer of [
      await ask(url, 'phone'),
      await ask(url, 'phone', { amount: '1', tap }),
      await ask(`${url.slice(0, -26)}${'0'.repeat(26)}`, 'phone'),
    ]) {
      assert.ok(answer.status >= 400 && answer.status < 500);
      assert.ok(!(await answer.text()).includes('小店'));
    }
    assert.equal((await payments()).length, before_count);
  });
});
