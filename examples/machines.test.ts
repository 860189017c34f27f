import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { newShop, type Shop } from '@heliu/server/payments/testing/shop.ts';
import { aWorld, type World } from '@heliu/server/testing/world.ts';

let world: World;
let shop: Shop;
const directory = mkdtempSync(join(tmpdir(), 'heliu-machines-'));
const running: ChildProcess[] = [];
before(async () => {
  world = await aWorld({ ctx: { config: { mqtt_port: 0 } } });
  shop = await newShop(world);
});
afterEach(() => {
  for (const each of running.splice(0)) each.kill('SIGKILL');
});
after(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

const made = async (path: string, body: object) => {
  const answer = await shop.post(path, body);
  assert.ok(answer.status < 300, answer.text);
  return answer.body;
};
async function aTerminal(kind: string): Promise<string> {
  const store = await made('/v1/stores', { name: '地铁站' });
  return (await made('/v1/terminals', { store_id: store.id, name: '1 号机', kind })).id;
}
const pairingCode = async (terminal_id: string): Promise<string> => (await made(`/v1/terminals/${terminal_id}/pairing_codes`, {})).code;

/** A machine as its owner starts it; `says` gives its next line, `presses` what a person does. */
function start(name: string, environment: Record<string, string>) {
  const machine = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`)], {
    env: {
      ...process.env,
      HELIU_URL: world.ctx.config.public_url,
      MQTT_URL: `mqtt://127.0.0.1:${world.nodes[0]?.mqttPort()}`,
      STATE_FILE: join(directory, `${name}.json`),
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  running.push(machine);
  const lines = createInterface(machine.stdout)[Symbol.asyncIterator]();
  return {
    says: async (): Promise<string> => String((await world.flow(lines.next())).value),
    presses: (text: string) => machine.stdin.write(`${text}\n`),
    cutPower: async () => {
      const ended = once(machine, 'exit');
      machine.kill('SIGKILL');
      await ended;
    },
  };
}

/** A payer scans the code and pays by WeChat. */
async function scan(line: string): Promise<void> {
  const [payment] = (await world.flow(world.api('GET', '/v1/payments?limit=1', { key: shop.key }))).body.data;
  assert.equal(line, `scan ${payment.next_action.qr_content}`);
  await shop.post(`/v1/payments/${payment.id}/attempts`, { method: 'wechat_qr' });
  await shop.pay(await shop.retrieve(payment.id));
}

test('the kiosk serves who has paid, and nothing when the payer gives up', async () => {
  const kiosk = start('kiosk', { PAIRING_CODE: await pairingCode(await aTerminal('kiosk')) });
  assert.equal(await kiosk.says(), 'ready');
  kiosk.presses('noodles');
  await scan(await kiosk.says());
  assert.equal(await kiosk.says(), 'one noodles, please wait');
  kiosk.presses('tea');
  assert.match(await kiosk.says(), /^scan http/);
  kiosk.presses('cancel');
  assert.equal(await kiosk.says(), 'no tea: closed');
});

test('the vending machine releases what was paid while it had no power, once', async () => {
  const environment = { PAIRING_CODE: await pairingCode(await aTerminal('kiosk')) };
  const before_failure = start('vending', environment);
  assert.equal(await before_failure.says(), 'ready');
  before_failure.presses('A2');
  const shown = await before_failure.says();
  await before_failure.cutPower();
  await scan(shown);
  const after_failure = start('vending', environment);
  assert.equal(await after_failure.says(), 'ready');
  const said = [await after_failure.says()];
  // The reply to an order is the one of its first request; the next look says that it was paid.
  if (said[0]?.startsWith('scan')) said.push(await after_failure.says());
  assert.equal(said.at(-1), 'release A2');
  after_failure.presses('A1');
  assert.match(await after_failure.says(), /^scan http/);
  await after_failure.cutPower();
  const { data } = (await world.flow(world.api('GET', '/v1/payments?limit=10', { key: shop.key }))).body;
  assert.deepEqual(
    data.slice(0, 2).map(({ state, amount_fen }: { state: string; amount_fen: number }) => [state, amount_fen]),
    [
      ['pending', 350],
      ['paid', 500],
    ],
  );
});

test('the speaker says each payment of its plate once, what it missed too, and nothing that is long past', async () => {
  const terminal_id = await aTerminal('plate');
  const environment = { PAIRING_CODE: await pairingCode(terminal_id) };
  let numbered = 0;
  const take = async (amount_fen: number) => {
    const order = { merchant_order_no: `plate-${++numbered}`, amount_fen, subject: '一杯茶', method: 'wechat_qr', terminal_id };
    await shop.pay(await made('/v1/payments', order));
  };
  const isTold = (amount_fen: number) =>
    world.until(async () => (await world.api('GET', '/v1/events?limit=100&type=payment.paid', { key: shop.key })).text.includes(`"paid_fen":${amount_fen},`));
  const speaker = start('speaker', environment);
  assert.equal(await speaker.says(), 'ready');
  await take(1_280);
  assert.equal(await speaker.says(), '微信支付收款十二元八角');
  await take(5);
  assert.equal(await speaker.says(), '微信支付收款五分');
  await speaker.cutPower();
  await take(900);
  await isTold(900);
  world.clock.advance(600_000);
  await take(10_001);
  await isTold(10_001);
  const again = start('speaker', environment);
  assert.equal(await again.says(), '微信支付收款一百元零一分');
  assert.equal(await again.says(), 'ready');
  await take(300);
  assert.equal(await again.says(), '微信支付收款三元');
});
