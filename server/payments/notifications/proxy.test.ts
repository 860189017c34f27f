import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { simulators } from '../../channels/simulators.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop } from '../testing/shop.ts';

/** A proxy in front of Heliu that serves it below a path and takes that path away. */
const prefix = '/pay/heliu';

let proxy: Server;
let world: World;
before(async () => {
  proxy = createServer((incoming, answer) => {
    const { method, headers } = incoming;
    const path = incoming.url?.slice(prefix.length) ?? '/';
    const passed = request({ port: world.ctx.config.port, host: '127.0.0.1', path, method, headers }, (back) => {
      answer.writeHead(back.statusCode ?? 502, back.headers);
      back.pipe(answer);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const public_url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`;
  world = await aWorld({ public_url, simulators: simulators.filter(({ channel }) => channel === 'icbc') });
});
after(async () => {
  await world.close();
  proxy.closeAllConnections();
  proxy.close();
});

it('a notification is verified with the path that the bank was told, behind a proxy that takes a part of it away', async () => {
  const shop = await newShop(world);
  const payment = await shop.create({ method: 'aggregate_qr' });
  assert.ok(await shop.pay(payment));
  await world.until(() => world.notified.length > 0);
  const notice = world.notified[0];
  assert.ok(notice);
  assert.equal(new URL(notice.url).pathname, `${prefix}/notify/icbc/${shop.accounts.get('icbc')}`);
  assert.equal((await shop.reaches(payment.id, 'paid')).paid_fen, 100);
  const events = await shop.events(payment.id);
  assert.equal(events.filter((type) => type === 'payment.paid').length, 1);

  const again = await world.flow(fetch(notice.url, { method: 'POST', headers: notice.headers, body: notice.body }));
  assert.deepEqual([again.status, (JSON.parse(await again.text()) as { sign_type?: string }).sign_type], [200, 'RSA'], 'acknowledged with our signature');

  // The same message to the address of another account of another merchant.
  const other = await newShop(world);
  const url = notice.url.replace(shop.accounts.get('icbc') ?? '', other.accounts.get('icbc') ?? '');
  assert.equal((await world.flow(fetch(url, { method: 'POST', headers: notice.headers, body: notice.body }))).status, 400);
});
