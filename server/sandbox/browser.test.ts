import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromium_advice, findChromium } from '../testing/chromium.ts';
import { type OpenedSandbox, openSandbox } from '../testing/sandbox.ts';

const executablePath = findChromium();
const skip = executablePath ? false : chromium_advice;

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const hasCurl = () => spawnSync('curl', ['--version']).status === 0;
const shell = async (line: string) => (await promisify(execFile)('sh', ['-c', line], { timeout: 30_000 })).stdout;

describe('the sandbox in a browser', { skip }, () => {
  const pictures = process.env.HELIU_SCREENSHOTS;
  let served: OpenedSandbox;
  let browser: Browser;
  let context: BrowserContext;
  /** What no page may ever say: errors of scripts, and what the content security policy stopped. */
  const complaints: string[] = [];

  before(async () => {
    if (pictures) mkdirSync(pictures, { recursive: true });
    // Nobody here waits as long for a refund as a payer does.
    served = await openSandbox({ HELIU_SANDBOX_TIME_SCALE: '20' });
    browser = await chromium.launch({ executablePath: executablePath as string, args: flags });
    context = await newContext();
  });
  after(async () => {
    await browser?.close();
    await served?.close();
  });

  async function newContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: served.url, ...options });
    made.setDefaultTimeout(60_000);
    made.on('weberror', (error) => complaints.push(String(error.error())));
    made.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
    });
    return made;
  }

  async function open(path: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(path);
    return page;
  }

  async function create(page: Page, method: string, amount: string, subject: string): Promise<string> {
    await page.selectOption('#method', method);
    await page.fill('#amount', amount);
    await page.fill('#subject', subject);
    await page.click('#create-button');
    const row = page.locator('#recent li[data-payment]', { hasText: subject });
    await row.waitFor();
    return (await row.getAttribute('data-payment')) as string;
  }

  /** Follows the start page's link into the wallet, as a person would. */
  async function openWallet(page: Page): Promise<Page> {
    const [wallet] = await Promise.all([context.waitForEvent('page'), page.click('#next a[href^="/sim/wallet"]')]);
    await wallet.locator('#order .sum').waitFor();
    return wallet;
  }

  const row = (page: Page, payment_id: string) => page.locator(`#recent li[data-payment="${payment_id}"]`);
  const webhook = (inbox: Page, type: string, text: string) => inbox.locator(`#messages li[data-type="${type}"][data-check="valid"]`, { hasText: text });

  for (const [wallet_name, method, amount] of [
    ['wechat', 'wechat_qr', '12.34'],
    ['alipay', 'alipay_qr', '56.78'],
  ] as const) {
    test(`creates, pays with ${wallet_name}, sees the webhook and refunds in part and whole`, async () => {
      const inbox = await open('/sandbox/inbox');
      const page = await open('/');
      const subject = `咖啡 ${wallet_name}`;
      const payment_id = await create(page, method, amount, subject);
      await page.locator('#next img.qr').waitFor();

      const wallet = await openWallet(page);
      assert.equal(await wallet.getAttribute('#phone', 'data-wallet'), wallet_name);
      assert.equal(await wallet.textContent('#order .sum'), `¥${amount}`);
      assert.match((await wallet.textContent('#order')) ?? '', new RegExp(subject));
      await wallet.click('#order button.pay');
      await wallet.locator('#phone-say', { hasText: '付款成功' }).waitFor();

      await webhook(inbox, 'payment.paid', payment_id).waitFor();
      await row(page, payment_id).and(page.locator('[data-state="paid"]')).waitFor();

      await row(page, payment_id).getByRole('button', { name: '退款' }).click();
      await page.fill('#refund-amount', '99999');
      await page.click('#refund-button');
      await page.locator('#refund-say.bad', { hasText: '累计退款金额超过已支付金额' }).waitFor();
      await page.fill('#refund-amount', '2');
      await page.click('#refund-button');
      await row(page, payment_id).getByText('已退款 ¥2.00').waitFor();
      await webhook(inbox, 'refund.succeeded', payment_id).waitFor();

      await row(page, payment_id).getByRole('button', { name: '退款' }).click();
      await page.click('#refund-button');
      await row(page, payment_id).getByText(`已退款 ¥${amount}`).waitFor();
      assert.equal(await row(page, payment_id).getByRole('button', { name: '退款' }).count(), 0);
      for (const used of [inbox, page, wallet]) await used.close();
    });
  }

  test('one code for every wallet: the wallet page opens it in the browser of the wallet that is chosen, and it is paid there', async () => {
    const page = await open('/');
    const payment_id = await create(page, 'qr', '6.66', '聚合码');
    const [wallet] = await Promise.all([context.waitForEvent('page'), page.click('#next a[href^="/sim/wallet"]')]);
    await wallet.getByRole('heading', { name: '这是收银台页面' }).waitFor();
    if (pictures) await wallet.screenshot({ path: join(pictures, 'wallet-page-1280-zh.png') });
    const [checkout] = await Promise.all([context.waitForEvent('page'), wallet.getByRole('link', { name: '用支付宝打开' }).click()]);
    await checkout.locator('button.main').click();
    await checkout.locator('#sim-pay').click();
    await checkout.locator('h1.good').waitFor();
    await row(page, payment_id).and(page.locator('[data-state="paid"]')).waitFor();
    for (const used of [page, wallet, checkout]) await used.close();
  });

  test('takes a payment code of either wallet, and waits for the payer who is asked for a password', async () => {
    const wallet = await open('/sim/wallet');
    await wallet.click('#tab-code');
    await wallet.selectOption('#behaviour', 'asks_password');
    await wallet.click('#code-button');
    const digits = ((await wallet.textContent('#code-digits')) ?? '').replaceAll(' ', '');
    assert.match(digits, /^\d{18}$/);
    const page = await open('/');
    await page.selectOption('#method', 'barcode');
    await page.fill('#auth-code', digits);
    const payment_id = await create(page, 'barcode', '3', '付款码');
    await wallet.click('#tab-orders');
    await wallet.locator('#orders button', { hasText: '付款码' }).click();
    await wallet.click('#order button.pay');
    await row(page, payment_id).and(page.locator('[data-state="paid"]')).waitFor();
    for (const used of [wallet, page]) await used.close();
  });

  test('closes a payment, and money that comes after it is recorded and given back', async () => {
    const inbox = await open('/sandbox/inbox');
    const page = await open('/');
    const payment_id = await create(page, 'wechat_qr', '0.05', '关单之后');
    const wallet = await openWallet(page);
    await row(page, payment_id).getByRole('button', { name: '关闭' }).click();
    await row(page, payment_id).and(page.locator('[data-state="closed"]')).waitFor();
    await wallet.getByRole('button', { name: '仍然付款' }).click();
    await wallet.locator('#phone-say', { hasText: '付款成功' }).waitFor();
    await webhook(inbox, 'payment.late_received', payment_id).waitFor();
    await webhook(inbox, 'refund.succeeded', payment_id).waitFor();
    for (const used of [inbox, page, wallet]) await used.close();
  });

  test('submits the form of a PC page payment to the gateway’s cashier', async () => {
    const page = await open('/');
    const payment_id = await create(page, 'alipay_page', '8.88', '网页支付');
    const [cashier] = await Promise.all([
      context.waitForEvent('page'),
      page
        .locator('#next')
        .getByRole('button', { name: '打开支付页面' })
        .or(page.locator('#next').getByRole('link', { name: '打开支付页面' }))
        .click(),
    ]);
    await cashier.getByText('8.88').waitFor();
    const wallet = await openWallet(page);
    await wallet.click('#order button.pay');
    await row(page, payment_id).and(page.locator('[data-state="paid"]')).waitFor();
    for (const used of [cashier, page, wallet]) await used.close();
  });

  test('says at the field what is wrong, before and after asking the API', async () => {
    const page = await open('/');
    await page.locator('#method option').first().waitFor({ state: 'attached' });
    for (const wrong of ['', 'abc', '0', '0.00', '-1', '1.234', '1e3', '１']) {
      await page.fill('#amount', wrong);
      await page.click('#create-button');
      await page.locator('#amount-wrong', { hasText: '请输入大于 0 的金额' }).waitFor();
      assert.equal(await page.getAttribute('#amount', 'aria-invalid'), 'true', wrong);
      assert.equal(await page.evaluate('document.activeElement?.id'), 'amount');
    }
    await page.fill('#amount', '100000000.01');
    await page.click('#create-button');
    await page.locator('#create-say.bad', { hasText: 'amount_fen' }).waitFor();
    await page.fill('#amount', '1');
    await page.fill('#subject', ' ');
    await page.click('#create-button');
    await page.locator('#subject-wrong', { hasText: '请填写商品描述' }).waitFor();
    await page.selectOption('#method', 'barcode');
    await page.fill('#subject', 'x');
    await page.fill('#auth-code', '99');
    await page.click('#create-button');
    await page.locator('#create-say.bad').waitFor();
    assert.equal(await page.locator('#recent li[data-payment]', { hasText: /^x/ }).count(), 0);

    const wallet = await open('/sim/wallet?open=weixin%3A%2F%2Fnobody');
    await wallet.locator('#phone-say.bad', { hasText: '没有钱包认识' }).waitFor();
    await wallet.fill('#fault-times', '0');
    await wallet.click('#fault-button');
    await wallet.locator('#fault-say.bad').waitFor();
    for (const used of [page, wallet]) await used.close();
  });

  test('shows text of others as text', async () => {
    const page = await open('/');
    const subject = '<img src=x onerror=alert(1)>';
    await create(page, 'wechat_qr', '1', subject);
    const wallet = await openWallet(page);
    assert.match((await wallet.textContent('#order')) ?? '', /<img src=x onerror=alert\(1\)>/);
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    for (const used of [page, wallet]) await used.close();
  });

  test('answers 500 when switched, and the delivery is shown as due again', async () => {
    const inbox = await open('/sandbox/inbox');
    await inbox.check('#answer-error');
    await inbox.locator('#inbox-say', { hasText: '500' }).waitFor();
    await inbox.click('#ping');
    await inbox.locator('#messages li[data-type="webhook_endpoint.ping"]', { hasText: '500' }).waitFor();
    await inbox.locator('#deliveries li[data-state="pending"]', { hasText: 'webhook_endpoint.ping' }).getByText('500').waitFor();
    await inbox.check('#answer-ok');
    await inbox.locator('#deliveries li', { hasText: 'webhook_endpoint.ping' }).getByRole('button').click();
    await inbox.locator('#messages li[data-type="webhook_endpoint.ping"]', { hasText: '200' }).waitFor();
    await inbox.close();
  });

  test('masks the key until it is asked for, and remembers the language', async () => {
    const page = await open('/');
    await page.locator('#curl', { hasText: 'curl' }).waitFor();
    assert.doesNotMatch((await page.textContent('main')) ?? '', /sk_test_[0-9A-Za-z]{20}/);
    await page.click('#reveal');
    assert.match((await page.textContent('#key')) ?? '', /^sk_test_[0-9A-Za-z_-]{20,}$/);
    await page.focus('#language');
    await page.keyboard.press('Enter');
    await page.goto('/sim/wallet');
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    await page.locator('h1', { hasText: 'Simulated wallet' }).waitFor();
    await page.focus('#tab-orders');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.getAttribute('#tab-code', 'aria-selected'), 'true');
    await page.click('#language');
    await page.close();
  });

  test('gives a line for the shell that creates a payment as it stands, again and again', { skip: hasCurl() ? false : 'curl is not installed' }, async () => {
    const page = await open('/');
    await page.locator('#curl', { hasText: 'curl' }).waitFor();
    await page.click('#reveal');
    const line = (await page.textContent('#curl')) ?? '';
    const answers = [JSON.parse(await shell(line)), JSON.parse(await shell(line))];
    for (const answer of answers) assert.equal(answer.next_action?.type, 'show_qr', JSON.stringify(answer));
    await row(page, answers[0].id).waitFor();
    await page.close();
  });

  test('CF-10 injects a lost notification, and asking the channel finds the payment paid', async () => {
    const wallet = await open('/sim/wallet');
    await wallet.locator('#fault-kind option').first().waitFor({ state: 'attached' });
    await wallet.selectOption('#fault-kind', 'notify_lost');
    await wallet.fill('#fault-times', '20');
    await wallet.click('#fault-button');
    await wallet.locator('#fault-say', { hasText: '已注入' }).waitFor();
    const inbox = await open('/sandbox/inbox');
    const page = await open('/');
    const payment_id = await create(page, 'wechat_qr', '0.02', '通知丢失');
    const opened = await openWallet(page);
    await opened.click('#order button.pay');
    await opened.locator('#phone-say', { hasText: '付款成功' }).waitFor();
    const asked = row(page, payment_id).getByRole('button', { name: '查询渠道' });
    const paid = row(page, payment_id).and(page.locator('[data-state="paid"]'));
    // The sweeper may ask before the person does, also while the person's finger is on its way: the button is gone then.
    await Promise.any([asked.click(), paid.waitFor()]);
    await paid.waitFor();
    await webhook(inbox, 'payment.paid', payment_id).waitFor();
    for (const used of [wallet, inbox, page, opened]) await used.close();
  });

  test('fits 360, 768 and 1280 px in both languages, light and dark', async () => {
    for (const language of ['zh', 'en']) {
      const origins = [{ origin: served.url, localStorage: [{ name: 'heliu.language', value: language }] }];
      const other = await newContext({ storageState: { cookies: [], origins } });
      for (const [name, path, ready] of [
        ['start', '/', '#recent li[data-payment]'],
        ['wallet', '/sim/wallet', '#orders li'],
        ['inbox', '/sandbox/inbox', '#messages li[data-type]'],
      ] as const) {
        const page = await other.newPage();
        await page.goto(path);
        await page.locator(ready).first().waitFor();
        for (const width of [360, 768, 1280]) {
          await page.emulateMedia({ colorScheme: width === 768 ? 'dark' : 'light' });
          await page.setViewportSize({ width, height: 800 });
          if (pictures) await page.screenshot({ path: join(pictures, `${name}-${width}-${language}.png`), fullPage: true });
          const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
          assert.equal(overflow, 0, `${name} at ${width} px in ${language} is ${overflow} px too wide`);
        }
        await page.close();
      }
      await other.close();
    }
  });

  test('no page had an error of its scripts or broke its content security policy', () => assert.deepEqual(complaints, []));
});
