import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { aWorld, type World } from '@heliu/server/testing/world.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

test('the gate opens for who has paid, and for nobody else', async (t) => {
  const made = async (path: string, body: object) => (await world.flow(world.api('POST', path, { body }))).body;
  const store = await made('/v1/stores', { name: '地铁站' });
  const terminal = await made('/v1/terminals', { store_id: store.id, name: '1 号闸机', kind: 'gate' });
  const { code } = await made(`/v1/terminals/${terminal.id}/pairing_codes`, {});
  const gate = spawn(process.execPath, [join(import.meta.dirname, 'gate.ts')], {
    env: { ...process.env, HELIU_URL: world.ctx.config.public_url, PAIRING_CODE: code },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => gate.kill());
  const lines = createInterface(gate.stdout);
  const says = async () => String((await world.flow(once(lines, 'line')))[0]);
  assert.equal(await says(), 'ready');
  const [simulator] = [...world.simulators.values()].filter(({ wallet }) => wallet === 'wechat');
  assert(simulator);
  for (const [behaviour, said] of [
    ['pays', 'open: 微信支付收款二元'],
    ['insufficient_funds', 'stay closed: refused'],
  ] as const) {
    gate.stdin.write(`${simulator.newPaymentCode(behaviour)}\n`);
    assert.equal(await says(), said);
  }
  gate.stdin.write('9900000000000000\n');
  assert.match(await says(), /^stay closed: No wallet issues/);
});
