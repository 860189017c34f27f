import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { simulators } from '../../channels/simulators.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { chromium_advice, findChromium } from '../../testing/chromium.ts';
import { aWorld, type World } from '../../testing/world.ts';

/** Every screen that a payer can come to, in both languages: read by axe, and never wider than the window. */
const program = findChromium();
/** `HELIU_SCREENSHOTS=directory` keeps a picture of each screen in three widths and both languages, Chinese in light and English in dark. */
const pictures = process.env.HELIU_SCREENSHOTS;
const channels = ['wechatpay', 'alipay', 'unionpay', 'jdpay', 'fuiou'];
const looks = [
  { language: 'zh', width: 360 },
  { language: 'en', width: 1280 },
  ...(pictures
    ? ([
        { language: 'zh', width: 768 },
        { language: 'zh', width: 1280 },
        { language: 'en', width: 360 },
        { language: 'en', width: 768 },
      ] as const)
    : []),
] as const;

const user_agents = {
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  pc: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  wechat: 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126 Mobile Safari/537.36 MicroMessenger/8.0.49 MQQBrowser/6.2',
  company_chat: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh',
} as const;
type Device = keyof typeof user_agents;

describe('a screen of the payer\u2019s', { skip: program === undefined ? chromium_advice : false }, () => {
  let world: World;
  let shop: Shop;
  let browser: Browser;
  const contexts = new Map<Device, BrowserContext>();
  const pages = new Map<Device, Page>();
  before(async () => {
    if (pictures) mkdirSync(pictures, { recursive: true });
    world = await aWorld({ simulators: simulators.filter(({ channel }) => channels.includes(channel)) });
    shop = await newShop(world);
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
    for (const [name, userAgent] of Object.entries(user_agents) as [Device, string][]) {
      const context = await browser.newContext({ userAgent, locale: 'zh-CN' });
      context.setDefaultTimeout(60_000);
      // Nothing leads off the page: a wallet that does not answer leaves it as it is.
      await context.route(
        ({ origin }) => origin !== new URL(world.ctx.config.public_url).origin,
        (route) => route.fulfill({ status: 204 }),
      );
      contexts.set(name, context);
    }
    await made('/v1/cashier_settings', { display_name: '街角咖啡与一间名字特别特别长的分店', color: '#f5a623' });
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const flow = <T>(work: Promise<T>) => world.flow(work);
  async function made(path: string, body: object = {}) {
    const answer = await shop.post(path, body);
    assert.ok(answer.status < 300, answer.text);
    return answer.body;
  }
  const read = async (path: string) => (await flow(world.api('GET', path, { key: shop.key }))).body;
  let numbered = 0;
  const session = (fields: object = {}) =>
    made('/v1/checkout_sessions', { merchant_order_no: `s-${++numbered}`, amount_fen: 128_050, subject: '手冲咖啡 Pour-over', ...fields });
  const press = async (url: string, method: string) => {
    const body = new URLSearchParams({ method });
    const answer = await flow(fetch(`${url}/pay`, { method: 'POST', redirect: 'manual', headers: { 'user-agent': user_agents.phone }, body }));
    assert.equal(answer.status, 303);
  };
  async function aPlate(settings: object = {}): Promise<string> {
    const store = await made('/v1/stores', { name: '街角店' });
    const terminal = await made('/v1/terminals', { store_id: store.id, name: '台牌', kind: 'plate' });
    const batch = await made('/v1/plate_batches', { name: '台牌', count: 1 });
    const [plate] = (await read(`/v1/plates?plate_batch_id=${batch.id}`)).data;
    return (await made(`/v1/plates/${plate.id}/bind`, { terminal_id: terminal.id, ...settings })).url;
  }
  const receiptOf = async (payment_id: string): Promise<string> => (await made(`/v1/payments/${payment_id}/receipt_link`)).url;
  const ask = async (url: string, kind: string, message: string) => {
    const answer = await flow(fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ kind, message, contact: '138 0000 0000' }) }));
    assert.equal(answer.status, 303);
  };

  type Shown = { readonly zh: string; readonly en: string; readonly act?: (page: Page, language: 'zh' | 'en') => Promise<void> };
  /** Opens the screen anew for each look: what it says in that language is there, and nothing keeps anybody out. */
  async function isOpenToAll(name: string, device: Device, url: string, { act, ...said }: Shown): Promise<void> {
    const problems: string[] = [];
    const context = contexts.get(device);
    assert.ok(context);
    const page = pages.get(device) ?? (await flow(context.newPage()));
    pages.set(device, page);
    for (const { language, width } of looks) {
      await flow(page.emulateMedia({ colorScheme: language === 'zh' ? 'light' : 'dark' }));
      await flow(page.setViewportSize({ width, height: 780 }));
      // A page that opens a wallet leaves itself before it has loaded.
      await flow(page.goto(`${url}${url.includes('?') ? '&' : '?'}lang=${language}`, { waitUntil: 'commit' }));
      if (act) await act(page, language);
      await flow(page.getByText(said[language]).first().waitFor());
      await flow(page.evaluate(axe.source));
      const { violations } = await flow(page.evaluate<AxeResults>('axe.run()'));
      for (const { id, impact, nodes } of violations)
        if (impact === 'serious' || impact === 'critical') problems.push(`${language} ${width} ${id}: ${nodes[0]?.html}`);
      const wide = await flow(page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
      if (wide > 0) problems.push(`${language} ${width}: scrolls sideways by ${wide}`);
      if (pictures) await flow(page.screenshot({ path: join(pictures, `${name}-${language}-${width}.png`), fullPage: true }));
    }
    assert.deepEqual(problems, []);
  }

  it('to choose: a computer, a phone, inside a wallet, a screen in the store', async () => {
    const { url } = await session({ subject: '一份名字非常长的商品'.repeat(6) });
    await isOpenToAll('pc-choose', 'pc', url, { zh: '打开手机钱包扫一扫', en: "Scan with your phone's wallet" });
    await isOpenToAll('phone-choose', 'phone', url, { zh: '京东支付', en: 'JD Pay' });
    await isOpenToAll('wallet-choose', 'wechat', url, { zh: '立即支付', en: 'Pay now' });
    const in_store = await session({ mode: 'in_store' });
    await isOpenToAll('store-choose', 'pc', in_store.url, { zh: '打开手机钱包扫一扫', en: "Scan with your phone's wallet" });
    await isOpenToAll('cancelled-in-wallet', 'phone', `${url}?back=cancel`, { zh: '您取消了支付', en: 'You cancelled' });
    await isOpenToAll('unsupported', 'company_chat', url, { zh: '此应用暂不支持付款', en: 'This app cannot pay here' });
    const one_way = await session({ allowed_methods: ['unionpay_h5'] });
    await isOpenToAll('unsupported-one', 'wechat', one_way.url, { zh: '云闪付', en: 'UnionPay app' });
  });

  it('on the way: to the sign-in, to the wallet, by a form, a wallet\u2019s own code, and looking for what came of it', async () => {
    const own = await session();
    const click = (zh: string, en: string) => async (page: Page, language: 'zh' | 'en') => {
      await flow(
        page
          .getByRole('button', { name: language === 'zh' ? zh : en })
          .first()
          .click(),
      );
    };
    await isOpenToAll('hop', 'wechat', own.url, { zh: '正在打开微信', en: 'Opening WeChat', act: click('立即支付', 'Pay now') });
    await isOpenToAll('own-code', 'pc', own.url, { zh: '请用数字人民币扫码支付', en: 'Scan with e-CNY', act: click('数字人民币扫码', 'e-CNY QR code') });
    await isOpenToAll('by-form', 'phone', own.url, { zh: '正在打开京东支付', en: 'Opening JD Pay', act: click('京东支付', 'JD Pay') });
    const opened = await session();
    await press(opened.url, 'wechat_h5');
    await isOpenToAll('opening', 'phone', `${opened.url}?go=1`, { zh: '正在打开微信', en: 'Opening WeChat' });
    await isOpenToAll('scanned', 'pc', opened.url, { zh: '已扫码，请在手机上完成支付', en: 'Scanned. Finish on your phone.' });
    await isOpenToAll('confirming', 'phone', `${opened.url}?back=1`, { zh: '正在确认支付结果', en: 'Checking the payment' });
  });

  it('at the end: refused, paid, cancelled, gone', async () => {
    const refused = await session();
    world.inject('wechatpay', { kind: 'error_code', on: 'pay', code: 'NOAUTH' });
    await press(refused.url, 'wechat_h5');
    assert.equal((await shop.retrieve(refused.payment_id)).attempt.state, 'refused');
    await isOpenToAll('refused', 'phone', refused.url, { zh: '上次付款未成功', en: 'The last try did not work' });

    await made('/v1/cashier_settings', { return_hosts: ['shop.example'] });
    const paid = await session({ mode: 'embedded', return_url: 'https://shop.example/thanks' });
    await press(paid.url, 'wechat_h5');
    assert.ok(await shop.pay(await shop.retrieve(paid.payment_id)));
    await shop.reaches(paid.payment_id, 'paid');
    await isOpenToAll('paid', 'phone', paid.url, { zh: '支付成功', en: 'Back to the shop' });

    const receipt = await receiptOf(paid.payment_id);
    await isOpenToAll('receipt', 'phone', receipt, { zh: '需要帮助', en: 'Need help' });
    await isOpenToAll('receipt-wrong', 'phone', receipt, {
      zh: '请填写留言',
      en: 'Write a message',
      act: async (page, language) => {
        await flow(page.getByLabel(language === 'zh' ? '留言' : 'Message').fill(' '));
        await flow(page.getByRole('button', { name: language === 'zh' ? '发送给商户' : 'Send to the shop' }).click());
      },
    });
    await ask(receipt, 'question', '发票可以开公司抬头吗？');
    await isOpenToAll('help-opened', 'phone', `${receipt}&note=sent`, { zh: '等待商户答复', en: 'Waiting for the shop' });
    const [question] = (await read(`/v1/help_requests?payment_id=${paid.payment_id}`)).data;
    await made(`/v1/help_requests/${question.id}/answer`, { answer: '可以，请把抬头与税号发到 shop@example.com。' });
    await isOpenToAll('help-answered', 'phone', receipt, { zh: '商户已答复', en: 'Answered' });
    await ask(receipt, 'refund', '多点了一份，想退一份。');
    const [wanted] = (await read(`/v1/help_requests?payment_id=${paid.payment_id}`)).data;
    await made(`/v1/help_requests/${wanted.id}/refund`, { amount_fen: 28_050 });
    await world.until(async () => (await shop.retrieve(paid.payment_id)).refunded_fen === 28_050);
    await isOpenToAll('help-refunded', 'phone', receipt, { zh: '商户已发起退款', en: 'The shop is refunding you' });

    const cancelled = await session();
    await made(`/v1/checkout_sessions/${cancelled.id}/expire`);
    await isOpenToAll('cancelled', 'phone', cancelled.url, { zh: '订单已取消', en: 'This order was cancelled' });
    await isOpenToAll('receipt-unpaid', 'phone', await receiptOf(cancelled.payment_id), { zh: '订单未付款，已关闭', en: 'This order was closed unpaid' });
    await isOpenToAll('nowhere', 'phone', `${new URL(cancelled.url).origin}/c/${'0'.repeat(32)}`, { zh: '页面不存在', en: 'No such page' });
  });

  it('of a plate: typed, fixed, wrong, over its limit, not in use yet', async () => {
    const fill = (amount: string) => async (page: Page, language: 'zh' | 'en') => {
      await flow(page.getByLabel(language === 'zh' ? '付款金额（元）' : 'Amount (yuan)').fill(amount));
      await flow(page.getByLabel(language === 'zh' ? '备注' : 'Remark').fill('三号桌'));
      await flow(page.getByRole('button', { name: language === 'zh' ? '立即支付' : 'Pay now' }).click());
    };
    const typed = await aPlate({ remark: 'required', amount_fen_max: 50_000 });
    await isOpenToAll('plate', 'phone', typed, { zh: '付款金额（元）', en: 'Amount (yuan)' });
    await isOpenToAll('plate-wrong', 'phone', typed, { zh: '请输入正确的金额', en: 'Enter an amount', act: fill('0') });
    await isOpenToAll('plate-over', 'phone', typed, { zh: '该收款码不接受此金额', en: 'The code does not take this amount', act: fill('501') });
    // Whoever chose English reads English on the payment's page too.
    await isOpenToAll('plate-pressed', 'phone', typed, { zh: '京东支付', en: 'JD Pay', act: fill('12.80') });
    await isOpenToAll('plate-fixed', 'phone', await aPlate({ fixed_amount_fen: 880 }), { zh: '向商户付款', en: 'Pay this shop' });
    const batch = await made('/v1/plate_batches', { name: '库存', count: 1 });
    const [unbound] = (await read(`/v1/plates?plate_batch_id=${batch.id}`)).data;
    await isOpenToAll('plate-stock', 'phone', unbound.url, { zh: '码牌尚未启用', en: 'This code is not in use yet' });
  });

  it('while the gateway is silent: waiting, closing', async () => {
    // Each question to the gateway is news to a page that watches: it stands still here to be looked at.
    for (const news of ['**/events', '**/status']) await contexts.get('phone')?.route(news, (route) => route.abort());
    const silent = await session();
    world.inject('wechatpay', { kind: 'drop_before', on: 'pay', times: 1000 });
    world.inject('wechatpay', { kind: 'drop_before', on: 'query', times: 1000 });
    await press(silent.url, 'wechat_h5');
    await isOpenToAll('waiting', 'phone', `${silent.url}?go=1`, { zh: '正在处理', en: 'One moment' });
    world.inject('wechatpay', { kind: 'drop_before', on: 'close', times: 1000 });
    await flow(world.api('POST', `/v1/checkout_sessions/${silent.id}/expire`, { key: shop.key, body: {} }));
    await isOpenToAll('closing', 'phone', silent.url, { zh: '订单正在关闭', en: 'The order is being closed' });
  });
});
