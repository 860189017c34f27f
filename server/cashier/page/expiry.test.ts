import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { chromium_advice, findChromium } from '../../testing/chromium.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { aPlate } from '../plates/testing/plate.ts';

/** What a payer sees whose time is over, in a real browser; the time is the test's. */
const program = findChromium();
const pictures = process.env.HELIU_SCREENSHOTS;
const minute_ms = 60_000;

describe('an order whose time is over', { skip: program === undefined ? chromium_advice : false }, () => {
  let world: World;
  let shop: Shop;
  let browser: Browser;
  let phone: BrowserContext;
  before(async () => {
    world = await aWorld();
    shop = await newShop(world);
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
    phone = await browser.newContext({
      userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
      viewport: { width: 360, height: 780 },
      locale: 'zh-CN',
    });
    phone.setDefaultTimeout(60_000);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const flow = <T>(work: Promise<T>) => world.flow(work);
  async function open(url: string): Promise<Page> {
    const page = await flow(phone.newPage());
    await flow(page.goto(url));
    return page;
  }
  const sees = (page: Page, text: string) => flow(page.getByText(text).first().waitFor());
  /** Nothing is offered any more, in either language, and the address tells the same to whoever comes to it now. */
  async function isOver(page: Page, name: string): Promise<void> {
    await sees(page, '订单已过期');
    assert.equal(await flow(page.locator('form[action$="/pay"]').count()), 0);
    const url = page.url().split('?')[0] as string;
    for (const [language, text] of [
      ['zh', '订单已过期'],
      ['en', 'This order has expired'],
    ] as const) {
      const again = await open(`${url}?lang=${language}`);
      await sees(again, text);
      if (pictures) {
        mkdirSync(pictures, { recursive: true });
        for (const width of [360, 768, 1280]) {
          await flow(again.setViewportSize({ width, height: 780 }));
          await flow(again.screenshot({ path: join(pictures, `${name}-${language}-${width}.png`), fullPage: true }));
        }
      }
      await flow(again.close());
    }
  }

  it('the checkout page says so by itself, and late presses of another tab pay nothing', async () => {
    const session = await shop.made('/v1/checkout_sessions', { merchant_order_no: 'over-1', amount_fen: 1_280, subject: '一杯茶', expires_in_s: 600 });
    const [page, stale] = [await open(session.url), await open(session.url)];
    await flow(stale.route('**/events', (route) => route.abort()));
    await flow(stale.route('**/status', (route) => route.abort()));
    await flow(stale.reload());
    await sees(stale, '微信支付');
    world.clock.advance(10 * minute_ms);
    await isOver(page, 'expired-checkout');
    await flow(stale.getByRole('button', { name: '微信支付' }).click());
    await sees(stale, '订单已过期');
    const payment = await shop.retrieve(session.payment_id);
    assert.deepEqual([payment.state, payment.closed_reason, payment.attempt], ['closed', 'expired', null]);
  });

  it('the payer who opened a wallet and never paid sees it too, and the gateway’s order is closed', async () => {
    const session = await shop.made('/v1/checkout_sessions', { merchant_order_no: 'over-2', amount_fen: 1_280, subject: '一杯茶', expires_in_s: 600 });
    const page = await open(session.url);
    // The gateway's page leads away; the payer comes back without having paid.
    await flow(page.getByRole('button', { name: '支付宝支付' }).click());
    await flow(page.waitForURL((url) => !url.href.startsWith(session.url)));
    world.clock.advance(10 * minute_ms);
    await shop.reaches(session.payment_id, 'closed');
    await flow(page.goto(session.url));
    await isOver(page, 'expired-wallet');
    const payment = await shop.retrieve(session.payment_id);
    assert.deepEqual([payment.closed_reason, payment.attempt.state, shop.truth(payment).charges], ['expired', 'closed', 0]);
    assert.equal(await shop.pay(payment), false);
  });

  it('after a plate: the tap is over, and the plate itself takes the next one', async () => {
    const plate = await aPlate(shop, { daily_count_max: 1 });
    const tapped = await open(plate.url);
    await flow(tapped.getByLabel('付款金额（元）').fill('12.80'));
    await flow(tapped.getByRole('button', { name: '立即支付' }).click());
    await sees(tapped, '微信支付');
    world.clock.advance(10 * minute_ms);
    await isOver(tapped, 'expired-plate');
    // What was never paid takes nothing of the day: one more payment fits.
    await flow(tapped.goto(plate.url));
    await flow(tapped.getByLabel('付款金额（元）').fill('9.90'));
    await flow(tapped.getByRole('button', { name: '立即支付' }).click());
    await sees(tapped, '支付宝支付');
    const { data } = await shop.read(`/v1/payments?terminal_id=${plate.terminal_id}`);
    assert.deepEqual(
      data.map(({ amount_fen, state, closed_reason }: Record<string, unknown>) => [amount_fen, state, closed_reason]),
      [
        [990, 'pending', null],
        [1_280, 'closed', 'expired'],
      ],
    );
  });
});
