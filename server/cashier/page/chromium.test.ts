import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromium_advice, findChromium } from '../../testing/chromium.ts';
import { type OpenedSandbox, openSandbox } from '../../testing/sandbox.ts';
import { until } from '../../testing/until.ts';

const executablePath = findChromium();
const skip = executablePath ? false : chromium_advice;

/** As real devices say it. */
const user_agents = {
  wechatpay:
    'Mozilla/5.0 (Linux; Android 14; 23127PN0CC Build/UKQ1.230804.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/1234 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64',
  alipay:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 NebulaSDK/1.8.100112 Nebula PSDType(1) AlipayDefined(nt:WIFI,ws:390|844|3.0) AliApp(AP/10.5.96.6000) AlipayClient/10.5.96.6000 Language/zh-Hans',
  unionpay:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 (com.unionpay.chsp) (cordova 4.5.4) (updebug 0) (version 1020) (UnionPay/1.0 CloudPay) (clientVersion 320) (language zh_CN)',
  bank_app:
    'Mozilla/5.0 (Linux; Android 14; 23127PN0CC; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 UnionPay/1.0 BOCMBCI',
  qq: 'Mozilla/5.0 (Linux; Android 14; 23127PN0CC; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/109.0.5414.86 MQQBrowser/6.2 TBS/046805 Mobile Safari/537.36 V1_AND_SQ_9.0.8_5540_YYB_D QQ/9.0.8.14755 NetType/WIFI',
  jd: 'jdapp;iPhone;12.3.4;;;M/5.0;appBuild/168919;Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  bestpay: 'Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 Bestpay/10.97.10',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  pc: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  company_chat: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh',
} as const;
type Device = keyof typeof user_agents;

describe('the payer\u2019s page in a browser', { skip }, () => {
  const pictures = process.env.HELIU_SCREENSHOTS;
  let served: OpenedSandbox;
  let browser: Browser;
  let api_key: string;
  /** What no page may ever say: errors of scripts, and what the content security policy stopped. */
  const complaints: string[] = [];
  const contexts: BrowserContext[] = [];

  before(async () => {
    if (pictures) mkdirSync(pictures, { recursive: true });
    served = await openSandbox();
    api_key = JSON.parse(readFileSync(join(served.data_dir, 'sandbox.json'), 'utf8')).api_key;
    browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
  });
  after(async () => {
    for (const context of contexts) await context.close();
    await browser?.close();
    await served?.close();
  });

  async function api(method: 'GET' | 'POST', path: string, body?: object) {
    const answer = await fetch(served.url + path, {
      method,
      headers: { authorization: `Bearer ${api_key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  }
  let numbered = 0;
  const session = (fields: object = {}) =>
    api('POST', '/v1/checkout_sessions', { merchant_order_no: `c-${++numbered}`, amount_fen: 128_050, subject: '手冲咖啡 Pour-over', ...fields });
  const payment = (id: string) => api('GET', `/v1/payments/${id.replace('cks', 'pay')}`);

  async function device(name: Device, options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const viewport = name === 'pc' ? { width: 1280, height: 900 } : { width: 360, height: 780 };
    const context = await browser.newContext({ userAgent: user_agents[name], viewport, locale: 'zh-CN', ...options });
    context.setDefaultTimeout(60_000);
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
    });
    if (name === 'wechatpay' || name === 'alipay') await context.addInitScript(await (await fetch(`${served.url}/sim/view/${name}.js`)).text());
    contexts.push(context);
    return context;
  }
  async function open(context: BrowserContext, url: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }
  const picture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  };
  const paid = (page: Page) => page.locator('h1.good', { hasText: '支付成功' }).waitFor();

  for (const wallet of ['wechatpay', 'alipay'] as const) {
    it(`is paid inside ${wallet}: signed in silently, asked by the wallet, told by Heliu`, async () => {
      const made = await session({ return_url: 'http://localhost:9/thanks' });
      const page = await open(await device(wallet), made.url);
      assert.equal(await page.textContent('.sum'), '应付金额 ¥1,280.50');
      await picture(page, `${wallet}-choose`);
      await page.getByRole('button', { name: '立即支付' }).click();
      await page.locator('#sim-pay').click();
      await paid(page);
      await picture(page, `${wallet}-paid`);
      assert.equal(await page.getAttribute('a.button.main', 'href'), `http://localhost:9/thanks?checkout_session_id=${made.id}`);
      const after_all = await payment(made.id);
      assert.deepEqual([after_all.state, after_all.attempt.method], ['paid', wallet === 'alipay' ? 'alipay_jsapi' : 'wechat_jsapi']);
    });

    it(`is not paid when the payer cancels inside ${wallet}, and can be tried again with the same order`, async () => {
      const made = await session();
      const page = await open(await device(wallet), made.url);
      await page.getByRole('button', { name: '立即支付' }).click();
      await page.locator('#sim-cancel').click();
      await page.getByText('您取消了支付').waitFor();
      const first = (await payment(made.id)).attempt.id;
      await page.getByRole('button', { name: '立即支付' }).click();
      await page.locator('#sim-pay').click();
      await paid(page);
      assert.equal((await payment(made.id)).attempt.id, first, 'one attempt');
    });
  }

  async function aPlate(settings: object = {}): Promise<{ readonly url: string }> {
    const store = await api('POST', '/v1/stores', { name: '街角店' });
    const terminal = await api('POST', '/v1/terminals', { store_id: store.id, name: '台牌', kind: 'plate' });
    const batch = await api('POST', '/v1/plate_batches', { name: '台牌', count: 1 });
    const [plate] = (await api('GET', `/v1/plates?plate_batch_id=${batch.id}`)).data;
    return api('POST', `/v1/plates/${plate.id}/bind`, { terminal_id: terminal.id, ...settings });
  }
  /** The payment that was made last. */
  const newest = async () => (await api('GET', '/v1/payments?limit=1')).data[0];

  for (const [wallet, method] of [
    ['wechatpay', 'wechat_jsapi'],
    ['alipay', 'alipay_jsapi'],
    ['unionpay', 'unionpay_h5'],
    ['bank_app', 'unionpay_h5'],
    ['phone', 'alipay_wap'],
  ] as const) {
    it(`a plate is paid by ${wallet}: the amount, one press, and the wallet asks`, async () => {
      const { url } = await aPlate({ remark: 'optional' });
      const page = await open(await device(wallet), url);
      await page.getByLabel('付款金额（元）').fill('12.80');
      await page.getByRole('button', { name: '立即支付' }).click();
      // Only an ordinary browser has to be told which wallet: there is none around it.
      if (wallet === 'phone') await page.getByRole('button', { name: '支付宝支付' }).click();
      await page.locator(method.endsWith('_jsapi') ? '#sim-pay' : 'button[value=pay]').click();
      if (method === 'unionpay_h5') await page.getByRole('button', { name: '返回商户' }).click();
      await paid(page);
      const made = await newest();
      assert.deepEqual([made.state, made.paid_fen, made.attempt.method], ['paid', 1280, method]);
    });
  }

  it('an app whose wallet pays nothing there names those that do: without their channel, and where none is built', async () => {
    for (const [name, fields, can_pay] of [
      ['unionpay', { allowed_methods: ['wechat_jsapi', 'alipay_jsapi'] }, ['微信', '支付宝']],
      ['bank_app', { allowed_methods: ['alipay_wap'] }, ['支付宝']],
      ['qq', {}, ['微信', '支付宝', '云闪付']],
      ['jd', {}, ['微信', '支付宝', '云闪付']],
      ['bestpay', {}, ['微信', '支付宝', '云闪付']],
    ] as const) {
      const made = await session(fields);
      const page = await open(await device(name), made.url);
      await page.getByRole('heading', { name: '此应用暂不支持付款' }).waitFor();
      assert.deepEqual(await page.locator('.wallets li').allTextContents(), can_pay, name);
      assert.equal(await page.getByRole('button').count(), 0, name);
      await page.close();
    }
  });

  it('a payer who was refused pays with another wallet, as a new attempt of the same payment', async () => {
    const made = await session();
    await fetch(`${served.url}/sim/api/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'alipay', kind: 'error_code', on: 'pay', code: 'ACQ.BUYER_BALANCE_NOT_ENOUGH' }),
    });
    const first = await open(await device('alipay'), made.url);
    await first.getByRole('button', { name: '立即支付' }).click();
    await first.getByText('上次付款未成功：').waitFor();
    await picture(first, 'refused');
    const second = await open(await device('unionpay'), made.url);
    await second.getByRole('button', { name: '云闪付支付' }).click();
    await second.locator('button[value=pay]').click();
    await second.getByRole('button', { name: '返回商户' }).click();
    await paid(second);
    await paid(first);
    const after_all = await payment(made.id);
    assert.deepEqual([after_all.paid_fen, after_all.attempt.method], [128_050, 'unionpay_h5']);
  });

  it('money that comes after the end is never called paid, on a page that watches', async () => {
    const made = await session();
    const page = await open(await device('phone'), made.url);
    await page.getByRole('button', { name: '微信支付' }).click();
    await page.locator('button[value=pay]').waitFor();
    const { channel_order_no: order_no } = (await payment(made.id)).attempt;
    const other = await open(await device('pc'), made.url);
    await api('POST', `/v1/checkout_sessions/${made.id}/expire`, {});
    await other.getByText('订单已取消').waitFor();
    const late = await fetch(`${served.url}/sim/api/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'wechatpay', order_no, do: 'pay', late: true }),
    });
    assert.equal(late.status, 200);
    await until('the money is on its way back', async () => (await api('GET', `/v1/refunds?payment_id=${made.payment_id}`)).data.length === 1);
    await other.reload();
    await other.getByText('订单已取消').waitFor();
    assert.equal(await other.getByText('支付成功').count(), 0);
    await picture(other, 'cancelled');
  });

  it('on a computer shows a code, and tells by itself when a phone has scanned and paid', async () => {
    const made = await session();
    const computer = await open(await device('pc'), made.url);
    await computer.locator('svg.qr').waitFor();
    await picture(computer, 'pc-choose');
    const phone = await open(await device('wechatpay'), made.url);
    await phone.getByRole('button', { name: '立即支付' }).click();
    await computer.getByText('已扫码，请在手机上完成支付').waitFor();
    await phone.locator('#sim-pay').click();
    await paid(phone);
    await paid(computer);
  });

  it('in a phone\u2019s browser leads to the wallet\u2019s page and comes back to the result', async () => {
    const made = await session();
    const page = await open(await device('phone'), made.url);
    await picture(page, 'phone-choose');
    for (const name of await page.getByRole('button').allTextContents()) assert.doesNotMatch(name, /支付支付/);
    await page.getByRole('button', { name: '支付宝支付' }).click();
    await page.locator('button[value=pay]').click();
    await paid(page);
    assert.equal((await payment(made.id)).attempt.method, 'alipay_wap');
  });

  it('on a computer opens the wallet\u2019s own page, sent as a form', async () => {
    const made = await session();
    const page = await open(await device('pc'), made.url);
    await page.getByRole('button', { name: '支付宝电脑网站支付' }).click();
    await page.locator('button[value=pay]').click();
    await paid(page);
  });

  it('after leaving one wallet pays with another, as a new attempt of the same payment', async () => {
    const made = await session();
    const first = await open(await device('wechatpay'), made.url);
    await first.getByRole('button', { name: '立即支付' }).click();
    await first.locator('#sim-cancel').click();
    await first.getByText('您取消了支付').waitFor();
    const second = await open(await device('alipay'), made.url);
    await second.getByRole('button', { name: '立即支付' }).click();
    await second.locator('#sim-pay').click();
    await paid(second);
    await paid(first);
    assert.equal((await payment(made.id)).attempt.method, 'alipay_jsapi');
  });

  it('C-03 takes a double tap and two tabs for one attempt', async () => {
    const made = await session();
    const context = await device('phone');
    const [one, two] = await Promise.all([open(context, made.url), open(context, made.url)]);
    await Promise.all([one, two].map((page) => page.getByRole('button', { name: '微信支付' }).dblclick({ noWaitAfter: true })));
    await Promise.all([one, two].map((page) => page.locator('button[value=pay]').waitFor()));
    assert.equal(new URL(one.url()).searchParams.get('prepay_id'), new URL(two.url()).searchParams.get('prepay_id'));
    await one.locator('button[value=pay]').click();
    await paid(one);
    assert.equal((await payment(made.id)).paid_fen, 128_050);
  });

  it('CF-06 goes on to the wallet also when the page is told of the attempt before the gateway has answered', async () => {
    const made = await session();
    const page = await open(await device('phone'), made.url);
    const slow = { channel: 'wechatpay', kind: 'slow', on: 'pay', ms: 2_500, times: 1 };
    const said = await fetch(`${served.url}/sim/api/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(slow) });
    assert.equal(said.status, 200, await said.text());
    await page.getByRole('button', { name: '微信支付' }).click();
    await page.locator('button[value=pay]').click();
    await paid(page);
  });

  it('can be loaded again and gone back to at any time', async () => {
    const made = await session();
    const page = await open(await device('wechatpay'), made.url);
    await page.getByRole('button', { name: '立即支付' }).click();
    await page.locator('#sim-pay').waitFor();
    await page.reload();
    await page.getByRole('button', { name: '立即支付' }).waitFor();
    assert.equal(await page.locator('#sim-pay').count(), 0, 'the wallet is not opened again by itself');
    await page.getByRole('button', { name: '立即支付' }).click();
    await page.locator('#sim-pay').click();
    await paid(page);
    await page.goBack().catch(() => {});
    if (page.url().startsWith(served.url)) await paid(page);
  });

  it('in an app that cannot pay says which can', async () => {
    const made = await session();
    const page = await open(await device('company_chat'), made.url);
    await page.getByRole('heading', { name: '此应用暂不支持付款' }).waitFor();
    assert.deepEqual(await page.locator('.wallets li').allTextContents(), ['微信', '支付宝', '云闪付']);
    await picture(page, 'unsupported');
  });

  it('is paid in the sandbox by an ordinary browser that plays the wallet', async () => {
    const made = await session();
    const page = await open(await device('pc'), `${served.url}/sim/view?wallet=alipay&to=${new URL(made.url).pathname}`);
    await page.getByRole('button', { name: '立即支付' }).click();
    await page.locator('#sim-pay').click();
    await paid(page);
  });

  it('never complained of a script, and nothing was stopped by its own policy', () => assert.deepEqual(complaints, []));
});
