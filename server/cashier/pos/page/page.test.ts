import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { buildPos } from '../../../../web/pos/build.mjs';
import { simulators } from '../../../channels/simulators.ts';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import { chromium_advice, findChromium } from '../../../testing/chromium.ts';
import { aWorld, type World } from '../../../testing/world.ts';
import { openTillPage, type TillPage } from '../testing/till-page.ts';

/** The till in a real browser, against the whole installation with its simulated gateways. */
const program = findChromium();
const pin = '204857';
/** Each wallet whose payment code a payer may show here. */
const wallets = ['wechatpay', 'alipay', 'unionpay', 'bestpay'];
/** `HELIU_SCREENSHOTS=directory` keeps a picture of each screen in three widths and both languages. */
const pictures = process.env.HELIU_SCREENSHOTS;

describe('the till', { skip: program === undefined ? chromium_advice : false }, () => {
  let world: World;
  let shop: Shop;
  let browser: Browser;
  let context: BrowserContext;
  let till: TillPage;
  let page: Page;
  let terminal_id: string;
  const pos = () => `${world.ctx.config.public_url}/pos/`;
  const made = async (path: string, body?: object) => {
    const answer = await shop.post(path, body);
    assert.ok(answer.status < 300, answer.text);
    return answer.body;
  };

  before(async () => {
    assert.equal(buildPos(), undefined);
    world = await aWorld({ simulators: simulators.filter(({ channel }) => wallets.includes(channel)) });
    shop = await newShop(world);
    const store = await made('/v1/stores', { name: '南京东路店' });
    await made(`/v1/stores/${store.id}/supervisor_pin`, { pin });
    terminal_id = (await made('/v1/terminals', { store_id: store.id, name: '1 号台', kind: 'pos' })).id;
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox'] });
    context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 360, height: 740 } });
    till = await openTillPage(world, context);
    page = till.page;
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  /** Time passes while the browser works. */
  const flow = <T>(work: Promise<T>) => world.flow(work);
  const sees = (text: string | RegExp) => till.sees(text);
  const press = (name: string | RegExp) => till.press(name);
  const enter = (keys: string) => till.enter(keys);
  const scan = (code: string) => till.scan(code);
  const charges = async () => {
    const { data } = (await flow(world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=100`, { key: shop.key }))).body;
    return data.map((payment: Parameters<Shop['truth']>[0]) => shop.truth(payment).charges) as number[];
  };
  /** Nothing on this screen keeps a cashier out who does not see it or has no mouse. */
  async function isOpenToAll(name: string): Promise<void> {
    // The policy of the page lets no script in from outside, which the debugger does not ask.
    await flow(page.evaluate(axe.source));
    const { violations } = await flow(page.evaluate<AxeResults>('axe.run()'));
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(
      serious.map(({ id, nodes }) => `${name} ${id}: ${nodes[0]?.html}`),
      [],
    );
  }
  async function picture(name: string): Promise<void> {
    await isOpenToAll(name);
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    for (const language of ['zh', 'en']) {
      if (language === 'en') await flow(page.getByRole('button', { name: 'English' }).click());
      for (const width of [360, 768, 1280]) {
        await flow(page.setViewportSize({ width, height: width === 360 ? 740 : 900 }));
        await flow(page.screenshot({ path: join(pictures, `pos-${name}-${language}-${width}.png`), fullPage: true }));
      }
    }
    await flow(page.getByRole('button', { name: '中文' }).click());
    await flow(page.setViewportSize({ width: 360, height: 740 }));
  }

  it('is paired once by a code', async () => {
    await flow(page.goto(pos()));
    await sees('配对本设备');
    await picture('pair');
    await flow(page.getByLabel('设备名称').fill('前台平板'));
    await flow(page.getByLabel('配对码').fill('ZZZZZ-ZZZZZ'));
    await press('配对');
    await sees('配对码错误、已使用或已过期。');
    const { code } = await made(`/v1/terminals/${terminal_id}/pairing_codes`, { refund_fen_max: 100_000 });
    await flow(page.getByLabel('配对码').fill(code.toLowerCase()));
    await press('配对');
    await sees(shop.merchant.name);
    await sees('南京东路店 · 1 号台');
    await picture('charge');
  });

  for (const channel of wallets) {
    it(`${channel}: is charged by amount, scanner and nothing else`, async () => {
      await enter('1280');
      await sees('¥12.80');
      // A scan that lost keys leaves the amount alone: its Enter presses nothing.
      await scan('1345');
      await sees('¥12.80');
      await scan(shop.paymentCode(channel, 'pays'));
      await sees('收款成功');
      if (channel === 'alipay') await picture('paid');
      await press('下一笔');
    });
  }

  it('a refused code is followed by the next scan of the same order', async () => {
    await enter('500');
    await scan(shop.paymentCode('wechatpay', 'insufficient_funds'));
    await sees('收款失败，请重新扫码');
    await picture('refused');
    await press('再次扫码');
    await scan(shop.paymentCode('alipay', 'pays'));
    await sees('收款成功');
    await press('下一笔');
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1]);
  });

  it('a bad network: the answer is lost, the page reloaded in the middle, and the payer is charged once', async () => {
    let lost = 0;
    await page.route('**/pos/api/orders', async (route) => {
      if (route.request().method() !== 'POST' || lost >= 2) return route.continue();
      lost += 1;
      // The charge arrives; its answer does not.
      await route.fetch();
      await route.abort('connectionreset');
    });
    await enter('900');
    await scan(shop.paymentCode('wechatpay', 'pays'));
    await sees('网络不通，正在重试');
    await picture('offline');
    await flow(page.reload());
    await sees('收款成功');
    assert.ok(lost >= 1);
    await flow(page.unroute('**/pos/api/orders'));
    await press('下一笔');
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1, 1]);
  });

  it('a code that no wallet knows is refused before anybody is asked, and the next scan keeps the amount', async () => {
    const asked = world.asked.length;
    await enter('450');
    await scan('990000000000000000');
    await sees('收款失败，请重新扫码');
    await sees('无法识别的付款码，请让付款人刷新后重新扫码。');
    await picture('unknown-code');
    assert.equal(world.asked.length, asked);
    await press('再次扫码');
    await sees('¥4.50');
    await scan(shop.paymentCode('alipay', 'pays'));
    await sees('收款成功');
    await press('下一笔');
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1, 1, 1]);
  });

  it('too many requests, or a device that may not ask any more, are never told as a refusal of what was charged', async () => {
    const saying = (status: number, code: string) => ({ status, json: { error: { code, message: code, message_zh: `不行：${code}` } } });
    let sent = 0;
    await page.route('**/pos/api/orders', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      sent += 1;
      // The charge arrives, its answer does not; then the node is overrun, and then it knows the device no more.
      if (sent === 1) {
        await route.fetch();
        return route.abort('connectionreset');
      }
      return route.fulfill(sent === 2 ? saying(429, 'rate_limited') : saying(401, 'device_unauthenticated'));
    });
    await page.route('**/pos/api/orders/*', (route) => route.fulfill(saying(401, 'device_unauthenticated')));
    await enter('550');
    await scan(shop.paymentCode('wechatpay', 'pays'));
    await sees('网络不通，正在重试');
    await sees('结果未确认，核对前请勿再次收款');
    assert.equal(await flow(page.getByText('收款失败').count()), 0);
    await picture('doubt');
    await flow(page.unroute('**/pos/api/orders'));
    await flow(page.unroute('**/pos/api/orders/*'));
    await press('再查一次');
    await sees('收款成功');
    await press('下一笔');
    assert.ok(sent >= 3);
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('what a device kept from before it was paired anew is asked about and never sent', async () => {
    let sent = 0;
    await page.route('**/pos/api/orders', (route) => {
      if (route.request().method() === 'POST') sent += 1;
      return route.continue();
    });
    const charge = { order_no: 'KEPTFROMBEFORE000001', try_no: 1, amount_fen: 990, auth_code: shop.paymentCode('wechatpay', 'pays') };
    await flow(page.evaluate((kept) => localStorage.setItem('heliu-pos-order', JSON.stringify({ charge: kept, paired_as: 'another' })), charge));
    await flow(page.reload());
    await sees('结果未确认，核对前请勿再次收款');
    await sees('本终端今日没有该订单。');
    await press('再查一次');
    await sees('本终端今日没有该订单。');
    await press('下一笔');
    await flow(page.unroute('**/pos/api/orders'));
    assert.equal(sent, 0);
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('a cashier who gives up while the network is away charges nobody afterwards', async () => {
    await enter('700');
    await flow(context.setOffline(true));
    await scan(shop.paymentCode('wechatpay', 'pays'));
    await sees('网络不通，正在重试');
    await press('放弃收款');
    await flow(context.setOffline(false));
    await sees('已撤销，未收款');
    await press('下一笔');
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('who waits for a password can give up; who shows a code sees it paid', async () => {
    await enter('300');
    await scan(shop.paymentCode('alipay', 'asks_password'));
    await sees('等待付款人确认');
    await press('放弃收款');
    await sees('已撤销，未收款');
    await press('下一笔');
    await enter('600');
    await flow(page.getByText('单一钱包的收款码').click());
    await press('微信支付');
    await sees('请付款人扫码');
    await picture('qr');
    const { data } = (await flow(world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=1`, { key: shop.key }))).body;
    await shop.pay(data[0]);
    await sees('收款成功');
    await press('下一笔');
  });

  it('refunds an order of today with the supervisor’s PIN', async () => {
    await press('今日');
    await sees('¥6.00');
    await picture('today');
    await press('退款');
    await flow(page.getByLabel('退款金额（元）').fill('2.50'));
    await flow(page.getByLabel('主管口令').fill('000000'));
    await press('确认退款');
    await sees('主管口令错误。');
    await picture('refund');
    await flow(page.getByLabel('主管口令').fill(pin));
    await press('确认退款');
    await sees('退款已受理');
    await press('返回');
    await sees(/退款 ¥2.50/);
  });

  it('a refund whose answer was lost is the same refund when it is pressed again, from the list as well', async () => {
    const order = page.locator('.orders li', { hasText: '¥5.50' });
    const ask = async () => {
      await flow(order.getByRole('button', { name: '退款' }).click());
      await flow(page.getByLabel('退款金额（元）').fill('1.00'));
      await flow(page.getByLabel('主管口令').fill(pin));
      await press('确认退款');
    };
    await page.route('**/pos/api/refunds', async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    });
    await ask();
    await sees('网络不通，结果未知：再按一次不会重复');
    await flow(page.unroute('**/pos/api/refunds'));
    await press('返回');
    await sees(/退款 ¥1.00/);
    await ask();
    await sees('退款已受理');
    const { data } = (await flow(world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=100`, { key: shop.key }))).body;
    const { id } = data.find(({ amount_fen }: { amount_fen: number }) => amount_fen === 550);
    assert.deepEqual(
      (await shop.refundsOf(id)).map(({ amount_fen }) => amount_fen),
      [100],
    );
    await press('返回');
  });

  it('a list that does not come is not told as a day without orders', async () => {
    await page.route('**/pos/api/orders', (route) => route.abort('connectionreset'));
    await press('收款');
    await press('今日');
    await sees('网络不通，未能读取');
    assert.equal(await flow(page.getByText('今日还没有订单').count()), 0);
    await picture('not-loaded');
    await flow(page.unroute('**/pos/api/orders'));
    await press('重试');
    await sees('¥5.50');
  });

  it('hands over with totals by wallet', async () => {
    // The gateway gives money back a while after it said that it would.
    await world.until(async () => {
      const { data } = (await world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=100`, { key: shop.key })).body;
      return data.reduce((sum: number, { refunded_fen }: { refunded_fen: number }) => sum + refunded_fen, 0) === 350;
    });
    await press('交班');
    await sees('微信支付');
    await picture('shift');
    const rows = await flow(page.locator('tbody tr').allTextContents());
    assert.deepEqual(rows, ['支付宝¥22.30 × 3¥0.00 × 0', '翼支付¥12.80 × 1¥0.00 × 0', '云闪付¥12.80 × 1¥0.00 × 0', '微信支付¥33.30 × 4¥3.50 × 2']);
    await flow(page.getByLabel('收银员').fill('小王'));
    const handOver = () => flow(page.locator('.sheet').getByRole('button', { name: '交班' }).click());
    // The answer is lost: pressed again it is the same hand-over, with its totals, and not an empty one behind it.
    await page.route('**/pos/api/shift/handover', async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    });
    await handOver();
    await sees('网络不通，结果未知：再按一次不会重复');
    await flow(page.unroute('**/pos/api/shift/handover'));
    await handOver();
    await sees('已交班');
    await picture('handed-over');
    assert.deepEqual(await flow(page.locator('tbody tr').allTextContents()), rows);
    const { data } = (await flow(world.api('GET', `/v1/shifts?terminal_id=${terminal_id}`, { key: shop.key }))).body;
    assert.deepEqual(
      data.map(({ cashier }: { cashier: string }) => cashier),
      ['小王'],
    );
  });

  it('a receipt is printed on rolls of 58 and 80 mm, and nothing else with it', async () => {
    await press('收款');
    await enter('100');
    await scan(shop.paymentCode('wechatpay', 'pays'));
    await sees('收款成功');
    await press('纸宽 80 mm');
    await flow(page.emulateMedia({ media: 'print' }));
    const receipt = page.locator('.receipt');
    assert.equal(await flow(receipt.isVisible()), true);
    assert.equal(await flow(page.getByRole('button', { name: '下一笔' }).isVisible()), false);
    assert.match((await flow(receipt.textContent())) ?? '', /¥1\.00/);
    await flow(page.emulateMedia({ media: 'screen' }));
    await press('下一笔');
  });

  it('fits 360 pixels without scrolling sideways, asks nothing of others, and breaks no rule of its policy', async () => {
    const wide = await flow(page.evaluate('document.documentElement.scrollWidth > innerWidth'));
    assert.equal(wide, false);
    assert.deepEqual(till.problems, []);
    const answer = await flow(fetch(pos()));
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/);
    assert.equal((await flow(fetch(`${pos()}../../package.json`.replace('../..', '%2e%2e/%2e%2e')))).status, 404);
  });

  it('two tabs: the second one waits, or takes over with the order that is open, and the first one rests', async () => {
    const orders = async () => (await flow(world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=100`, { key: shop.key }))).body.data.length;
    const before_count = await orders();
    const second = await openTillPage(world, context);
    await flow(second.page.goto(pos()));
    await second.sees('收银台已在另一个标签页打开');
    await press('收款');
    await enter('550');
    await press('展示收款码');
    await sees('请付款人扫码');
    await second.press('在此使用');
    await second.sees('请付款人扫码');
    await sees('收银台已在另一个标签页打开');
    await picture('elsewhere');
    await second.press('放弃收款');
    await second.sees('已撤销，未收款');
    await second.press('下一笔');
    assert.deepEqual(second.problems, []);
    // The first one is the till again by itself.
    await flow(second.page.close());
    await sees('¥0.00');
    assert.equal(await orders(), before_count + 1);
  });

  it('a revoked device says so and can be paired again', async () => {
    const { data } = (await flow(world.api('GET', `/v1/devices?terminal_id=${terminal_id}`, { key: shop.key }))).body;
    await made(`/v1/devices/${data[0].id}/revoke`);
    await flow(page.reload());
    await sees('设备未配对或已吊销，请重新配对。');
    await press('配对本设备');
    await flow(page.getByLabel('配对码').waitFor());
  });
});
