import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { buildPos } from '../../../../web/pos/build.mjs';
import { simulators } from '../../../channels/simulators.ts';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import { chromium_advice, findChromium } from '../../../testing/chromium.ts';
import { aWorld, type World } from '../../../testing/world.ts';

/** The till in a real browser, against the whole installation with its simulated gateways. */
const program = findChromium();
const pin = '204857';
/** Each wallet whose payment code a payer may show here. */
const wallets = ['wechatpay', 'alipay', 'unionpay'];
/** `HELIU_SCREENSHOTS=directory` keeps a picture of each screen in three widths and both languages. */
const pictures = process.env.HELIU_SCREENSHOTS;

describe('the till', { skip: program === undefined ? chromium_advice : false }, () => {
  let world: World;
  let shop: Shop;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let keyboard: CDPSession;
  let terminal_id: string;
  const problems: string[] = [];
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
    context.setDefaultTimeout(60_000);
    page = await context.newPage();
    keyboard = await context.newCDPSession(page);
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|ERR_INTERNET/.test(message.text())) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  /** Time passes while the browser works. */
  const flow = <T>(work: Promise<T>) => world.flow(work);
  const sees = (text: string | RegExp) => flow(page.getByText(text).first().waitFor());
  const press = (name: string | RegExp) =>
    flow(
      page
        .getByRole('button', { name, exact: typeof name === 'string' })
        .first()
        .click(),
    );
  const enter = async (keys: string) => {
    for (const key of keys) await press(key);
  };
  /** As a scanner does: keys 10 ms apart, struck without waiting for the page, and Enter. */
  async function scan(code: string): Promise<void> {
    const keys = [...code].map((key) => ({ key, text: key }));
    const began_s = Date.now() / 1000;
    const struck = [...keys, { key: 'Enter', text: '\r' }].flatMap(({ key, text }, index) => {
      const timestamp = began_s + index / 100;
      return [
        keyboard.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text, timestamp }),
        keyboard.send('Input.dispatchKeyEvent', { type: 'keyUp', key, timestamp }),
      ];
    });
    await flow(Promise.all(struck));
  }
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
    assert.deepEqual(await charges(), [1, 1, 1, 1]);
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
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1]);
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
    assert.deepEqual(await charges(), [1, 1, 1, 1, 1]);
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

  it('hands over with totals by wallet', async () => {
    // The gateway gives money back a while after it said that it would.
    await world.until(async () => {
      const { data } = (await world.api('GET', `/v1/payments?terminal_id=${terminal_id}&limit=1`, { key: shop.key })).body;
      return data[0].refunded_fen === 250;
    });
    await press('交班');
    await sees('微信支付');
    await picture('shift');
    const rows = await flow(page.locator('tbody tr').allTextContents());
    assert.deepEqual(rows, ['支付宝¥17.80 × 2¥0.00 × 0', '云闪付¥12.80 × 1¥0.00 × 0', '微信支付¥27.80 × 3¥2.50 × 1']);
    await flow(page.getByLabel('收银员').fill('小王'));
    await flow(page.locator('.sheet').getByRole('button', { name: '交班' }).click());
    await sees('已交班');
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
    assert.deepEqual(problems, []);
    const answer = await flow(fetch(pos()));
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/);
    assert.equal((await flow(fetch(`${pos()}../../package.json`.replace('../..', '%2e%2e/%2e%2e')))).status, 404);
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
