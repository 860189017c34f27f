import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { webhooks } from '@heliu/sdk';
import { aWorld, type World } from '@heliu/server/testing/world.ts';

const file = join(import.meta.dirname, 'shop.ts');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the shop', () => {
  let world: World;
  let shop: ChildProcess;
  let url: string;
  before(async () => {
    // The shop's clock is the machine's.
    world = await aWorld({ ctx: { start: new Date() } });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    shop = spawn(process.execPath, [file], {
      env: { ...process.env, PORT: String(port), HELIU_URL: world.ctx.config.public_url, HELIU_API_KEY: world.key },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await world.flow(once(shop.stdout as NodeJS.ReadableStream, 'data'));
  });
  after(async () => {
    shop.kill();
    await world.close();
  });
  const ask = async (path: string, init: RequestInit = { method: 'POST' }) => (await fetch(`${url}/${path}`, init)).json() as Promise<unknown>;

  test('is short enough to read at once', () => {
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    assert(lines.length <= 40);
  });

  test('sells a cup of tea, sees the money by webhook only, and gives it back', async () => {
    const action = (await world.flow(ask('buy/A-1'))) as { type: string };
    assert.equal(action.type, 'show_qr');
    assert.equal(await ask('order/A-1'), 'unpaid');
    const [simulator] = [...world.simulators.values()].filter(({ wallet }) => wallet === 'wechat');
    const order = simulator?.orders()[0];
    assert(simulator && order);
    assert.deepEqual(await world.flow(simulator.act(order.order_no, { do: 'pay' })), { done: true });
    await world.until(async () => (await ask('order/A-1')) === 'paid');
    await world.flow(ask('refund/A-1'));
    await world.until(async () => (await ask('order/A-1')) === 'refunded');
    await world.flow(ask('buy/A-1'));
    assert.equal(await ask('order/A-1'), 'refunded');
  });

  test('H-06: believes no webhook that is forged, unsigned or signed by another', async () => {
    await world.flow(ask('buy/A-2'));
    const { body, headers } = await webhooks.signTestEvent(paidEvent('A-2'), webhooks.newTestSecret(), { nowMs: Date.now() });
    for (const forged of [headers, {}]) {
      const answer = await fetch(`${url}/webhooks`, { method: 'POST', headers: forged, body });
      assert.equal(answer.status, 400);
    }
    assert.equal(await ask('order/A-2'), 'unpaid');
  });
});

/** As much of a payment's event as a receiver looks at. */
const paidEvent = (merchant_order_no: string) =>
  ({
    object: 'event',
    id: 'evt_01JD0000000000000000000000',
    type: 'payment.paid',
    livemode: false,
    created_at: '2026-11-22T00:00:00Z',
    data: { merchant_order_no, paid_fen: 100 },
  }) as Parameters<typeof webhooks.signTestEvent>[0];
