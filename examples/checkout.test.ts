import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '@heliu/server/testing/installation.ts';
import { aWorld, type World } from '@heliu/server/testing/world.ts';

let world: World;
let shop: ChildProcess;
let url: string;
before(async () => {
  world = await aWorld();
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  const environment = { ...process.env, HELIU_URL: world.ctx.config.public_url, HELIU_API_KEY: world.key, PORT: String(port) };
  shop = spawn(process.execPath, [join(import.meta.dirname, 'checkout.ts')], { env: environment, stdio: 'inherit' });
});
after(async () => {
  shop.kill();
  await once(shop, 'exit');
  await world.close();
});

const get = (address: string) => fetch(address, { redirect: 'manual' });

test('a shop that sends its payers to the page is ten lines, its server and form included', () => {
  const lines = readFileSync(join(import.meta.dirname, 'checkout.ts'), 'utf8').split('\n');
  const code = lines.filter((line) => line.trim() !== '' && !line.startsWith('//'));
  assert.ok(code.length <= 10, `${code.length} lines`);
});

test('a payer who buys is sent to a page that asks for the price of the tea, and a second press is the same order', async () => {
  await world.until(() =>
    get(url).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  assert.match(await (await get(url)).text(), /Buy a tea/);
  const [first, second] = [await world.flow(get(`${url}?order_no=T-1`)), await world.flow(get(`${url}?order_no=T-1`))];
  assert.equal(first.status, 303);
  assert.equal(second.headers.get('location'), first.headers.get('location'));
  const page = await world.flow(get(first.headers.get('location') ?? ''));
  assert.match(await page.text(), /1\.00/);
});
