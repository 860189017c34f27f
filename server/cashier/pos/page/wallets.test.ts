import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Wallet } from '@heliu/contract';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium } from 'playwright-core';
import { encode } from 'uqr';
import { buildPos } from '../../../../web/pos/build.mjs';
import { simulators } from '../../../channels/simulators.ts';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import { chromium_advice, findChromium } from '../../../testing/chromium.ts';
import { aWorld, type World } from '../../../testing/world.ts';
import { openTillPage, type TillPage } from '../testing/till-page.ts';

/** A till behind one acquirer that takes the code of every wallet, in a real browser. */
const program = findChromium();
const channel = 'fuiou';

/** Every wallet whose prefix is vouched for, and how the till names it. */
const wallets: Readonly<Partial<Record<Wallet, string>>> = {
  wechat: '微信支付',
  alipay: '支付宝',
  unionpay: '云闪付',
  bestpay: '翼支付',
  ecny: '数字人民币',
};

describe('a till behind one acquirer', { skip: program === undefined ? chromium_advice : false }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'heliu-camera-'));
  let world: World;
  let shop: Shop;
  let browser: Browser;
  let till: TillPage;
  /** The code that lies before the camera. */
  let shown: string;
  before(async () => {
    assert.equal(buildPos(), undefined);
    world = await aWorld({ simulators: simulators.filter((each) => each.channel === channel) });
    shop = await newShop(world);
    shown = code('alipay');
    const film = join(directory, 'code.y4m');
    writeFileSync(film, filmOf(shown));
    browser = await chromium.launch({
      executablePath: program as string,
      args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`],
    });
    const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 360, height: 740 }, permissions: ['camera'] });
    till = await openTillPage(world, context);
    const made = async (path: string, body: object) => {
      const answer = await shop.post(path, body);
      assert.ok(answer.status < 300, answer.text);
      return answer.body;
    };
    const store = await made('/v1/stores', { name: '南京东路店' });
    const terminal = await made('/v1/terminals', { store_id: store.id, name: '1 号台', kind: 'pos' });
    const pairing = await made(`/v1/terminals/${terminal.id}/pairing_codes`, {});
    await world.flow(till.page.goto(`${world.ctx.config.public_url}/pos/`));
    await world.flow(till.page.getByLabel('设备名称').fill('前台平板'));
    await world.flow(till.page.getByLabel('配对码').fill(pairing.code));
    await till.press('配对');
    await till.sees('南京东路店 · 1 号台');
  });
  after(async () => {
    await browser?.close();
    await world?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function code(wallet: Wallet): string {
    const simulator = world.simulators.get(channel);
    assert.ok(simulator);
    return simulator.newPaymentCode('pays', wallet);
  }

  for (const [wallet, name] of Object.entries(wallets) as [Wallet, string][]) {
    it(`${wallet}: the wallet is found from its code, charged, and named on the receipt`, async () => {
      await till.enter('128');
      await till.scan(code(wallet));
      await till.sees('收款成功');
      assert.match((await world.flow(till.page.locator('.receipt').textContent())) ?? '', new RegExp(`钱包：${name}`));
      await till.press('下一笔');
    });
  }

  for (const [wallet, unknown, said] of [
    ['QQ', '910000000000000000', '无法识别的付款码，请让付款人刷新后重新扫码。'],
    ['JD', '180000000000000000', '无法识别的付款码，请让付款人刷新后重新扫码。'],
    ['Suning', '830000000000000000', '尚不支持该钱包的付款码'],
  ] as const) {
    it(`${wallet}: a code whose prefix nobody vouches for, or whose wallet nobody takes, is sent to nobody and says so`, async () => {
      const asked = world.asked.length;
      await till.enter('128');
      await till.scan(unknown);
      await till.sees('收款失败，请重新扫码');
      await till.sees(said);
      assert.equal(world.asked.length, asked);
      await till.press('下一笔');
    });
  }

  it('reads the code that the payer holds before the camera, by the library where the browser reads none', async () => {
    assert.equal(await world.flow(till.page.evaluate('"BarcodeDetector" in globalThis')), false, 'the browser has a reader of its own');
    await till.enter('128');
    await till.press('摄像头扫码');
    await world.flow(till.page.getByLabel('摄像头扫码').waitFor());
    await world.flow(till.page.evaluate(axe.source));
    const { violations } = await world.flow(till.page.evaluate<AxeResults>('axe.run()'));
    assert.deepEqual(
      violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id),
      [],
    );
    await till.sees('收款成功');
    await till.press('下一笔');
  });

  it('has charged each of them once, and complained of nothing', async () => {
    const answer = await world.flow(world.api('GET', '/v1/payments?limit=100', { key: shop.key }));
    const payments = answer.body.data as (Parameters<Shop['truth']>[0] & { amount_fen: number })[];
    const methods = payments.map(({ attempt }) => attempt.method).toReversed();
    assert.deepEqual(methods, [...Object.keys(wallets).map((wallet) => `${wallet}_barcode`), 'alipay_barcode']);
    assert.ok(payments.every((payment) => shop.truth(payment).charges === 1));
    assert.deepEqual(till.problems, []);
  });
});

/** A film of one picture, as Chromium's pretended camera plays it: a QR code, black on white. @see https://wiki.multimedia.cx/index.php/YUV4MPEG2 */
function filmOf(text: string): Buffer {
  const [width, height, dot] = [640, 480, 12];
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const brightness = Buffer.alloc(width * height, 235);
  const [left, top] = [width, height].map((side) => Math.floor((side - size * dot) / 2)) as [number, number];
  for (const [y, row] of data.entries())
    for (const [x, dark] of row.entries())
      if (dark)
        for (let line = 0; line < dot; line++)
          brightness.fill(16, (top + y * dot + line) * width + left + x * dot, (top + y * dot + line) * width + left + (x + 1) * dot);
  const colours = Buffer.alloc((width * height) / 2, 128);
  const frame = Buffer.concat([Buffer.from('FRAME\n'), brightness, colours]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]);
}
