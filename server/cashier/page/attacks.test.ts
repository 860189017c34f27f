import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { resumeMerchant, suspendMerchant } from '../../merchants/service.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';

/** Group C of reliability.md: what can be done to the payer's page, and what must come of it. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = await newShop(world);
});
after(() => world.close());
// Each test begins with its visits unspent.
beforeEach(() => world.clock.advance(10_000));

const user_agents = {
  wechat: 'Mozilla/5.0 (Linux; Android 14) Chrome/126 Mobile Safari/537.36 MicroMessenger/8.0.49 MQQBrowser/6.2',
  alipay: 'Mozilla/5.0 (iPhone) Mobile/15E148 AlipayClient/10.5.96',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1',
  pc: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36',
} as const;
type Device = keyof typeof user_agents;

type Visit = { readonly device?: Device; readonly cookie?: string; readonly headers?: Record<string, string> };
const ask = (url: string, init: RequestInit, { device = 'phone', cookie, headers = {} }: Visit) =>
  world.flow(fetch(url, { redirect: 'manual', ...init, headers: { 'user-agent': user_agents[device], ...(cookie ? { cookie } : {}), ...headers } }));
const visit = (url: string, how: Visit = {}) => ask(url, { method: 'GET' }, how);
const press = (url: string, form: Record<string, string>, how: Visit = {}) => ask(`${url}/pay`, { method: 'POST', body: new URLSearchParams(form) }, how);
const cookieOf = (answer: Response): string => answer.headers.get('set-cookie')?.split(';')[0] ?? '';
const goesTo = (answer: Response): string => answer.headers.get('location') ?? '';

let numbered = 0;
const session = async (fields: object = {}) => {
  const made = await shop.post('/v1/checkout_sessions', { merchant_order_no: `a-${++numbered}`, amount_fen: 1280, subject: '一杯茶', ...fields });
  assert.equal(made.status, 201, made.text);
  return made.body as { id: string; payment_id: string; url: string };
};
const attempts = (payment_id: string) =>
  world.ctx.db.kysely
    .selectFrom('attempts')
    .select(['id', 'state', 'method', 'amount_fen', 'next_action'])
    .where('payment_id', '=', payment_id)
    .orderBy('id')
    .execute();
const isLive = ({ state }: { state: string }) => state === 'sending' || state === 'waiting';

/** Presses the button inside a wallet and follows the wallet's sign-in up to the address that it sends the browser back to. */
async function hop(url: string, device: 'wechat' | 'alipay', cookie?: string, lang?: string) {
  const pressed = await press(url, { method: `${device}_jsapi`, ...(lang === undefined ? {} : { lang }) }, { device, ...(cookie ? { cookie } : {}) });
  const page = await pressed.text();
  const action = /data-action="([^"]+)"/.exec(page)?.[1]?.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  assert.ok(action, page);
  const back = await ask(JSON.parse(action).url, { method: 'GET' }, { device });
  assert.equal(back.status, 302);
  return { back: goesTo(back), cookie: cookieOf(pressed) };
}

describe('C-01 what a page sends', () => {
  it('is the name of a method that it offered; whatever else it says is not read', async () => {
    const { url, payment_id } = await session();
    const answer = await press(url, {
      method: 'alipay_wap',
      amount_fen: '1',
      subject: 'x',
      currency: 'USD',
      channel_account_id: 'acc_1',
      payer_id: '2088',
      return_url: 'https://evil.example',
    });
    assert.equal(goesTo(answer), `${new URL(url).pathname}?go=1`);
    const [made] = await attempts(payment_id);
    assert.deepEqual([made?.method, made?.amount_fen], ['alipay_wap', 1280n]);
    assert.ok(!JSON.stringify(made?.next_action).includes('evil'));
  });

  it('makes no attempt by a method that was not offered to this browser', async () => {
    const { url, payment_id } = await session({ allowed_methods: ['alipay_wap'] });
    for (const method of ['wechat_h5', 'wechat_jsapi', 'alipay_page', 'alipay_barcode', 'barcode', 'qr', '', '__proto__', 'constructor'])
      assert.match(goesTo(await press(url, { method })), /\?note=stale$/, method);
    assert.deepEqual(await attempts(payment_id), []);
  });

  it('is nothing at all when somebody only looks, whoever they say they are', async () => {
    const { url, payment_id } = await session();
    for (const device of Object.keys(user_agents) as Device[]) {
      for (const query of ['', '?go=1', '?back=1', '?method=alipay_wap', '/status']) assert.equal((await visit(url + query, { device })).status, 200);
    }
    assert.deepEqual(await attempts(payment_id), []);
  });
});

describe('C-02 an address that was not given out', () => {
  it('opens nothing, and looks like any other', async () => {
    const { url } = await session();
    const stranger = await newShop(world);
    const foreign = (await stranger.post('/v1/payments', { merchant_order_no: 'f-1', amount_fen: 1, subject: '别人的', method: 'qr' })).body.next_action
      .qr_content;
    const [mine, theirs] = [url.slice(-32), foreign.slice(-32)] as [string, string];
    const last = mine.endsWith('0') ? '1' : '0';
    const tried = [
      mine.slice(0, -1) + last,
      theirs.slice(0, 6) + mine.slice(6),
      mine.toLowerCase(),
      `${mine}0`,
      mine.slice(1),
      '0'.repeat(32),
      '%00',
      "'--",
      '..%2f',
      'a'.repeat(150),
    ];
    const pages = new Set<string>();
    for (const address of tried) {
      for (const path of ['', '/status', '/events', '/logo', '/payer?state=x&code=y']) {
        const answer = await visit(`${url.slice(0, -32)}${address}${path}`);
        assert.equal(answer.status, 404, address + path);
        const text = await answer.text();
        assert.ok(!text.includes('一杯茶') && !text.includes('别人的') && !text.includes('1,280'), text);
        if (path === '') pages.add(text);
      }
    }
    assert.equal(pages.size, 1);
  });

  it('has 130 random bits behind the merchant\u2019s code, never twice the same', async () => {
    const made = await Promise.all([session(), session(), session()]);
    const tokens = made.map(({ url }) => url.slice(-26));
    assert.equal(new Set(tokens).size, 3);
    for (const token of tokens) assert.match(token, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  });
});

describe('C-03 a page used again', () => {
  it('is read only once its payment is over', async () => {
    const { url, payment_id, id } = await session();
    await shop.post(`/v1/checkout_sessions/${id}/expire`, {});
    assert.equal(goesTo(await press(url, { method: 'alipay_wap' })), new URL(url).pathname);
    assert.match(await (await visit(url)).text(), /订单已取消/);
    assert.deepEqual(await attempts(payment_id), []);
  });

  it('keeps one attempt alive, whatever devices and tabs do at once', async () => {
    const { url, payment_id } = await session();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => press(url, { method: at % 2 ? 'alipay_wap' : 'wechat_h5' })));
    for (const answer of answers) assert.equal(answer.status, 303);
    const made = await attempts(payment_id);
    assert.deepEqual(made.filter(isLive).length, 1, made.map(({ method, state }) => `${method} ${state}`).join(', '));
  });

  it('gives a second tap the order that is there', async () => {
    const { url, payment_id } = await session();
    await Promise.all(Array.from({ length: 10 }, () => press(url, { method: 'wechat_h5' })));
    assert.equal((await attempts(payment_id)).length, 1);
  });

  it('opens the wallet of a payer again whose order another wallet took the place of and could not end', async () => {
    const { url, payment_id } = await session();
    const alipay = await hop(url, 'alipay');
    await visit(alipay.back, { device: 'alipay', cookie: alipay.cookie });
    world.inject('alipay', { kind: 'server_error', on: 'close', times: 3 });
    const wechat = await hop(url, 'wechat');
    await visit(wechat.back, { device: 'wechat', cookie: wechat.cookie });
    assert.deepEqual(
      (await attempts(payment_id)).filter(isLive).map(({ method }) => method),
      ['alipay_jsapi', 'wechat_jsapi'],
    );
    const pressed = await press(url, { method: 'alipay_jsapi' }, { device: 'alipay', cookie: alipay.cookie });
    const page = await (await visit(new URL(goesTo(pressed), url).href, { device: 'alipay', cookie: alipay.cookie })).text();
    assert.match(page, /data-action="[^"]*AlipayJSBridge/);
    assert.equal((await attempts(payment_id)).length, 2);
  });

  it('tells of time that is over, and of late money never that it paid', async () => {
    const { url, payment_id } = await session({ expires_in_s: 60 });
    await press(url, { method: 'wechat_h5' });
    const order = (await shop.retrieve(payment_id)).attempt.channel_order_no;
    world.clock.advance(61_000);
    // The sweeper may have closed it before the visitor is there.
    assert.match(await (await visit(url)).text(), /订单正在关闭|订单已过期/);
    await shop.reaches(payment_id, 'closed');
    assert.match(await (await visit(url)).text(), /订单已过期/);
    const simulator = world.simulators.get('wechatpay');
    assert(simulator);
    await world.flow(simulator.act(order, { do: 'pay', late: true }));
    await world.until(async () => (await shop.events(payment_id)).includes('payment.late_received'));
    const page = await (await visit(url)).text();
    assert.match(page, /订单已过期/);
    assert.ok(!page.includes('支付成功'));
  });

  for (const first of ['the old one', 'the new one'] as const) {
    it(`of which no order can be closed and both are paid, ${first} first, takes the money once and gives the other back`, async () => {
      const { url, payment_id } = await session();
      // Neither the old one when it is left nor the one that is left when the other is paid.
      for (const channel of ['wechatpay', 'alipay']) world.inject(channel, { kind: 'drop_before', on: 'close', times: 100 });
      await press(url, { method: 'wechat_h5' });
      const old = await shop.retrieve(payment_id);
      assert.equal(goesTo(await press(url, { method: 'alipay_wap' })), `${new URL(url).pathname}?go=1`);
      const fresh = await shop.retrieve(payment_id);
      assert.equal((await attempts(payment_id)).filter(isLive).length, 2, 'the first may still be paid');
      // The wallet has to open the order before it can be paid.
      const [, made] = await attempts(payment_id);
      assert(made);
      const { url: link } = made.next_action as unknown as { url: string };
      assert.equal(world.simulators.get('alipay')?.open?.(link)?.opened, true);
      for (const one of first === 'the old one' ? [old, fresh] : [fresh, old]) {
        assert.ok(await shop.pay(one));
        await shop.reaches(payment_id, 'paid');
      }
      await world.until(async () => shop.truth(old).returned_fen + shop.truth(fresh).returned_fen === 1280);
      assert.deepEqual([shop.truth(old).charges, shop.truth(fresh).charges], [1, 1]);
      const after_all = await shop.retrieve(payment_id);
      assert.deepEqual([after_all.paid_fen, after_all.refunded_fen, after_all.attempt.id], [1280, 0, (first === 'the old one' ? old : fresh).attempt.id]);
      assert.match(await (await visit(url)).text(), /支付成功/);
    });
  }
});

describe('C-09 visitors without a key', () => {
  it('write nothing that another visitor sees', async () => {
    const { url } = await session();
    const { origin } = new URL(url);
    const before_all = await world.ctx.db.kysely.selectFrom('cashier_settings').selectAll().execute();
    for (const path of [
      '/v1/cashier_settings',
      `${new URL(url).pathname}/settings`,
      `${new URL(url).pathname}/logo`,
      '/c/settings',
      '/c/p/settings',
      '/pos/api/till',
    ])
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await ask(
          origin + path,
          { method, body: '{"display_name":"x","color":"#000000"}' },
          { headers: { 'content-type': 'application/json' } },
        );
        assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path} ${answer.status}`);
      }
    assert.deepEqual(await world.ctx.db.kysely.selectFrom('cashier_settings').selectAll().execute(), before_all);
  });

  it('are not remembered by what they say of themselves: the next one sees an own page', async () => {
    const { url } = await session();
    await visit(`${url}?lang=en&note=failed&go=1`, {
      device: 'wechat',
      headers: { 'accept-language': 'en', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'ftp' },
    });
    const page = await visit(url, { device: 'pc', headers: { 'accept-language': 'zh-CN' } });
    const text = await page.text();
    assert.ok(!text.includes('evil.example') && text.includes('lang="zh-CN"') && !text.includes('class="say bad"'));
    assert.deepEqual([page.headers.get('cache-control'), page.headers.get('vary')], ['no-store', 'user-agent, accept-language, cookie']);
  });
});

describe('C-05 text of merchants and buyers', () => {
  it('is text on the page, never markup', async () => {
    const evil = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>';
    await shop.post('/v1/cashier_settings', { display_name: evil.slice(0, 40) });
    const { url } = await session({ subject: evil, metadata: { note: evil } });
    for (const device of Object.keys(user_agents) as Device[]) {
      const page = await (await visit(`${url}?note=${encodeURIComponent(evil)}&lang=${encodeURIComponent(evil)}`, { device })).text();
      assert.ok(!page.includes('<script>alert') && !page.includes('<img src=x'), page);
      assert.ok(page.includes('&lt;script&gt;alert'));
    }
    await shop.post('/v1/cashier_settings', { display_name: null });
  });

  it('could run nothing even so: the policy names the one script and the styles by their hashes', async () => {
    const { url } = await session();
    const policy = (await visit(url)).headers.get('content-security-policy') ?? '';
    assert.ok(!/unsafe|\*|https?:/.test(policy), policy);
    assert.match(policy, /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+' 'sha256-[^']+';/);
  });
});

describe('C-06 framing', () => {
  it('is refused, but to the registered hosts of an embedded page', async () => {
    const plain = await visit((await session()).url);
    assert.match(plain.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    assert.equal(plain.headers.get('x-frame-options'), 'DENY');
    await shop.post('/v1/cashier_settings', { return_hosts: ['shop.example'] });
    const framed = await visit((await session({ mode: 'embedded' })).url);
    assert.match(framed.headers.get('content-security-policy') ?? '', /frame-ancestors https:\/\/shop\.example /);
    assert.equal(framed.headers.get('x-frame-options'), null);
  });
});

describe('C-11 C-12 who pays', () => {
  for (const device of ['wechat', 'alipay'] as const) {
    it(`is said by ${device} to us, once, for this browser and this payment`, async () => {
      const { url, payment_id } = await session();
      const { back, cookie } = await hop(url, device);
      assert.ok(back.startsWith(`${url}/payer?`), back);
      const done = await visit(back, { device, cookie });
      assert.equal(goesTo(done), `${new URL(url).pathname}?go=1`);
      const [made] = await attempts(payment_id);
      assert.equal(made?.method, `${device}_jsapi`);
      assert.match(await (await visit(`${url}?go=1`, { device, cookie })).text(), /&quot;type&quot;:&quot;invoke&quot;/);
      for (const [what, again, cookies] of [
        ['the same answer again', back, cookie],
        ['in another browser', back, 'heliu_browser=00000000000000000000000000'],
        ['in a browser without a past', back, ''],
      ] as const)
        assert.match(goesTo(await visit(again, { device, cookie: cookies })), /note=stale$/, what);
      assert.equal((await attempts(payment_id)).length, 1);
    });

    it(`takes the language that the payer chose to ${device} and back, and no other word`, async () => {
      const { url } = await session();
      const english = await hop(url, device, undefined, 'en');
      assert.equal(goesTo(await visit(english.back, { device, cookie: english.cookie })), `${new URL(url).pathname}?go=1&lang=en`);
      const evil = await hop((await session()).url, device, undefined, 'en&back=1#');
      assert.ok(!evil.back.includes('lang='), evil.back);
    });

    it(`is nobody's by an answer of ${device} that was stolen, planted, or came too late`, async () => {
      const [victim, attacker] = [await session(), await session()];
      const stolen = await hop(victim.url, device);
      assert.match(goesTo(await visit(stolen.back, { device })), /note=stale$/, 'another browser');
      const planted = await hop(attacker.url, device);
      const moved = planted.back.replace(new URL(attacker.url).pathname, new URL(victim.url).pathname);
      assert.match(goesTo(await visit(moved, { device, cookie: stolen.cookie })), /note=stale$/, 'the state of another payment');
      const late = await hop(victim.url, device);
      world.clock.advance(5 * 60_000 + 1);
      assert.match(goesTo(await visit(late.back, { device, cookie: late.cookie })), /note=stale$/, 'too late');
      const coded = await hop(victim.url, device);
      const swapped = new URL(coded.back);
      for (const name of ['code', 'auth_code']) if (swapped.searchParams.has(name)) swapped.searchParams.set(name, 'f'.repeat(32));
      assert.match(goesTo(await visit(swapped.href, { device, cookie: coded.cookie })), /note=payer$/, 'a code that the wallet never gave');
      assert.deepEqual([...(await attempts(victim.payment_id)), ...(await attempts(attacker.payment_id))], []);
    });

    it(`is not sent to ${device} again for a second tap, and is not shown to another browser`, async () => {
      const { url, payment_id } = await session();
      const { back, cookie } = await hop(url, device);
      await visit(back, { device, cookie });
      assert.equal(goesTo(await press(url, { method: `${device}_jsapi` }, { device, cookie })), `${new URL(url).pathname}?go=1`);
      assert.equal((await attempts(payment_id)).length, 1);
      assert.ok(!(await (await visit(`${url}?go=1`, { device })).text()).includes('data-action'), 'the parameters are the payer\u2019s');
    });
  }

  it('is kept sealed, and forgotten', async () => {
    const { url } = await session();
    const { back, cookie } = await hop(url, 'alipay');
    await visit(back, { device: 'alipay', cookie });
    const rows = await world.ctx.db.kysely.selectFrom('cashier_payers').selectAll().execute();
    assert.ok(rows.some(({ payer_sealed }) => payer_sealed !== null));
    for (const row of rows) assert.ok(!JSON.stringify(row).includes('2088') && !row.payer_sealed?.includes('2088'));
  });

  it('CF-28 an answer that settles nothing charges nobody', async () => {
    const { url, payment_id } = await session();
    const { back, cookie } = await hop(url, 'alipay');
    world.inject('alipay', { kind: 'bad_signature', on: 'identify' });
    assert.match(goesTo(await visit(back, { device: 'alipay', cookie })), /note=payer$/);
    assert.deepEqual(await attempts(payment_id), []);
  });
});

describe('C-13 what stays behind', () => {
  it('is nothing in caches, and the address is told to nobody', async () => {
    const { url } = await session();
    for (const path of ['', '?go=1', '/status', '/logo', '/payer']) {
      const answer = await visit(url + path);
      assert.equal(answer.headers.get('cache-control'), 'no-store', path);
      assert.equal(answer.headers.get('set-cookie'), null, path);
    }
    assert.equal((await visit(url)).headers.get('referrer-policy'), 'strict-origin');
  });

  it('is a cookie of this page alone, which no script reads and no other site sends', async () => {
    const { url } = await session();
    const cookie = (await press(url, { method: 'wechat_h5' })).headers.get('set-cookie') ?? '';
    assert.match(cookie, new RegExp(`^heliu_browser=[0-9A-Z]{26}; Path=${new URL(url).pathname}; HttpOnly; SameSite=Lax$`));
  });
});

describe('a form of another site', () => {
  it('makes no attempt', async () => {
    const { url, payment_id } = await session();
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
      assert.match(goesTo(await press(url, { method: 'alipay_wap' }, { headers })), /note=stale$/);
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x'])
      assert.equal((await ask(`${url}/pay`, { method: 'POST', body: '{"method":"alipay_wap"}' }, { headers: { 'content-type': type } })).status, 400);
    const large = await press(url, { method: 'alipay_wap', x: 'y'.repeat(5000) });
    assert.equal(large.status, 400);
    assert.deepEqual(await attempts(payment_id), []);
  });
});

it('A-08 a page of a suspended merchant begins no attempt, and the one that is open stays as it is', async () => {
  const { url, payment_id } = await session();
  await press(url, { method: 'alipay_wap' });
  await suspendMerchant(world.ctx, shop.merchant.id);
  try {
    assert.match(goesTo(await press(url, { method: 'wechat_h5' })), /\?note=failed$/);
    assert.deepEqual(
      (await attempts(payment_id)).map(({ method, state }) => [method, state]),
      [['alipay_wap', 'waiting']],
    );
  } finally {
    await resumeMerchant(world.ctx, shop.merchant.id);
  }
});

it('C-14 a page that is asked a thousand times a second is answered 429, cheaply, and other pages are not', async () => {
  const [flooded, other] = [await session(), await session()];
  const answers = await Promise.all(Array.from({ length: 200 }, () => fetch(`${flooded.url}/status`)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 100, `${refused.length} of 200`);
  assert.ok(refused.every(({ headers }) => Number(headers.get('retry-after')) >= 1));
  assert.equal((await visit(`${other.url}/status`)).status, 200);
});
