import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { mqtt_packet_bytes_max } from '../../../kernel/limits.ts';
import { suspendMerchant } from '../../../merchants/service.ts';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import { until } from '../../../testing/until.ts';
import { aWorld, type World } from '../../../testing/world.ts';
import { resultsTopic, speechTopic, type TerminalEvent } from './message.ts';

/** Terminals that hear of their payments by MQTT, on an installation of two nodes. The client is one that we did not write. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2, ctx: { config: { mqtt_port: 0 } } });
  shop = await newShop(world);
});
after(() => world.close());

type Machine = { readonly id: string; readonly token: string; readonly terminal_id: string; readonly of: Shop };
async function aMachine(of: Shop = shop, terminal_id?: string): Promise<Machine> {
  const store = await of.made('/v1/stores', { name: '南京东路店' });
  const terminal = terminal_id ?? (await of.made('/v1/terminals', { store_id: store.id, name: '1 号机', kind: 'kiosk' })).id;
  const { code } = await of.made(`/v1/terminals/${terminal}/pairing_codes`, {});
  const { body } = await world.flow(world.api('POST', '/pos/api/pair', { body: { code, device_name: '云喇叭' }, key: 'none' }));
  return { id: body.device.id, token: body.token, terminal_id: terminal, of };
}

const urlOf = (node: number) => `mqtt://127.0.0.1:${world.nodes[node]?.mqttPort()}`;
type Login = { readonly clientId?: string; readonly username?: string; readonly password?: string; readonly will?: { topic: string; payload: string } };
const connect = ({ id, token }: Machine, node = 0, login: Login = {}): Promise<MqttClient> =>
  world.flow(mqtt.connectAsync(urlOf(node), { clientId: id, username: id, password: token, reconnectPeriod: 0, ...login }, false));

/** A connected device that keeps what it is told, by topic. */
async function listen(machine: Machine, node = 0) {
  const client = await connect(machine, node);
  const told: { readonly topic: string; readonly qos: number; readonly event: TerminalEvent }[] = [];
  client.on('message', (topic, payload, { qos }) => void told.push({ topic, qos, event: JSON.parse(payload.toString()) }));
  const granted = await world.flow(client.subscribeAsync([resultsTopic(machine), speechTopic(machine)], { qos: 1 }));
  assert.deepEqual(
    granted.map(({ qos }) => qos),
    [1, 1],
  );
  let gone = false;
  client.once('close', () => {
    gone = true;
  });
  return { client, told, gone: () => gone, on: (topic: string) => told.filter((each) => each.topic === topic).map(({ event }) => event) };
}

let numbered = 0;
/** Charges at a machine over a node: by a code that the payer shows. */
async function charge({ token, of }: Machine, node: number, behaviour: Parameters<Shop['paymentCode']>[1] = 'pays') {
  const order_no = `M${String(++numbered).padStart(15, '0')}`;
  const body = { order_no, try_no: 1, amount_fen: 1_280, auth_code: of.paymentCode('wechatpay', behaviour) };
  const answer = await world.flow(world.api('POST', '/pos/api/orders', { key: token, node, body }));
  assert.equal(answer.status, 201, answer.text);
  return order_no;
}
const feed = async ({ token }: Machine, query = '', node = 0) => (await world.flow(world.api('GET', `/pos/api/events${query}`, { key: token, node }))).body;

describe('a machine that is connected', () => {
  it('hears on one node of what another node finished, and a speaker what it says', async () => {
    const machine = await aMachine();
    const device = await listen(machine, 1);
    const order_no = await charge(machine, 0);
    await world.until(() => device.told.length >= 2);
    const [result] = device.on(resultsTopic(machine));
    assert.ok(result);
    assert.deepEqual(
      [result.type, result.order_no, result.outcome, result.amount_fen, result.speech],
      ['payment.paid', order_no, 'paid', 1_280, '微信支付收款十二元八角'],
    );
    assert.deepEqual(device.on(speechTopic(machine)), [result]);
    assert.deepEqual([...new Set(device.told.map(({ qos }) => qos))], [1]);
    device.client.end(true);
  });

  it('hears that an attempt was refused and that an order was closed, and its speaker keeps silent', async () => {
    const machine = await aMachine();
    const device = await listen(machine);
    const order_no = await charge(machine, 1, 'insufficient_funds');
    await world.until(() => device.told.length >= 1);
    await world.flow(world.api('POST', `/pos/api/orders/${order_no}/cancel`, { key: machine.token, body: {} }));
    await world.until(() => device.told.length >= 2);
    assert.deepEqual(
      device.on(resultsTopic(machine)).map(({ type, outcome }) => [type, outcome]),
      [
        ['payment.attempt_refused', 'refused'],
        ['payment.closed', 'closed'],
      ],
    );
    assert.deepEqual(device.on(speechTopic(machine)), []);
    device.client.end(true);
  });

  it('hears of what a server takes at its terminal, and each event once', async () => {
    const machine = await aMachine();
    const device = await listen(machine);
    for (let at = 0; at < 5; at++) {
      const body = { merchant_order_no: `server-${at}`, amount_fen: 500, subject: '一杯茶', method: 'wechat_qr', terminal_id: machine.terminal_id };
      await shop.pay(await shop.made('/v1/payments', body));
    }
    await world.until(() => device.on(resultsTopic(machine)).length >= 5);
    const results = device.on(resultsTopic(machine));
    assert.equal(new Set(results.map(({ id }) => id)).size, results.length);
    assert.deepEqual([...new Set(results.map(({ order_no, speech }) => `${order_no} ${speech}`))], ['null 微信支付收款五元']);
    device.client.end(true);
  });
});

describe('a machine that was away', () => {
  it('asks for what it missed behind the last cursor that it has, in the same form', async () => {
    const machine = await aMachine();
    const device = await listen(machine);
    await charge(machine, 0);
    await world.until(() => device.told.length >= 2);
    const [known] = device.on(resultsTopic(machine));
    assert.ok(known);
    await device.client.endAsync(true);
    const missed = [await charge(machine, 0), await charge(machine, 1)];
    await world.until(async () => (await world.api('GET', `/pos/api/events?after=${known.cursor}`, { key: machine.token })).body.data.length === 2);
    const { data, cursor, has_more } = await feed(machine, `?after=${known.cursor}`, 1);
    assert.deepEqual(
      data.map(({ order_no }: TerminalEvent) => order_no),
      missed,
    );
    assert.deepEqual([cursor >= data[1].cursor, has_more], [true, false]);
    assert.deepEqual((await feed(machine, `?after=${known.cursor - 1}`)).data[0], known);
    // Without a cursor a machine begins now, and hears nothing of the past.
    assert.deepEqual(await feed(machine), { data: [], cursor, has_more: false });
    const wrong = await world.flow(world.api('GET', '/pos/api/events?after=-1', { key: machine.token }));
    assert.deepEqual([wrong.status, wrong.body.error.param], [400, 'after']);
  });
});

describe('who may hear', () => {
  it('E-01: nobody but the terminal: no other terminal, no other merchant, by no topic and by no cursor', async () => {
    const machine = await aMachine();
    const neighbour = await aMachine();
    const stranger = await aMachine(await newShop(world));
    const listening = await Promise.all([machine, neighbour, stranger].map((each) => listen(each)));
    const others = listening.slice(1);
    const wanted = [resultsTopic(machine), speechTopic(machine), 'heliu/devices/+/results', '#', '+/+/+/+', '$SYS/#', `$share/g/${resultsTopic(machine)}`];
    for (const { client } of others) {
      for (const topic of wanted) await assert.rejects(world.flow(client.subscribeAsync(topic, { qos: 1 })), /[Uu]nspecified|128|not valid|failed/, topic);
    }
    await charge(machine, 0);
    const theirs = [neighbour, stranger];
    for (const each of theirs) await charge(each, 1);
    await world.until(() => listening.every(({ told }) => told.length >= 2));
    for (const [at, each] of theirs.entries()) {
      assert.deepEqual([...new Set(others[at]?.told.map(({ topic }) => topic))].sort(), [resultsTopic(each), speechTopic(each)]);
      assert.equal((await feed(each, '?after=0')).data.length, 1);
    }
    for (const { client } of listening) client.end(true);
  });

  it('refuses a wrong credential, the id of another device, and an API key', async () => {
    const [machine, other] = [await aMachine(), await aMachine()];
    for (const login of [
      { password: `hd_${'A'.repeat(43)}` },
      { password: '' },
      { password: shop.key },
      { password: other.token },
      { clientId: other.id },
      { clientId: '' },
      { username: other.id },
      { username: 'device' },
    ]) {
      await assert.rejects(connect(machine, 0, login), /[Nn]ot authorized|Connection refused/, JSON.stringify(login));
      world.clock.advance(60_000);
    }
    (await connect(machine)).end(true);
  });

  it('a device publishes nothing and leaves no will: not to itself, not to another', async () => {
    const [machine, victim] = [await aMachine(), await aMachine()];
    const hears = await listen(victim);
    for (const topic of [speechTopic(victim), resultsTopic(machine), 'x']) {
      const speaks = await listen(machine);
      speaks.client.on('error', () => {});
      speaks.client.publish(topic, '{"speech":"支付宝收款一万元"}', { qos: 1 });
      await until('the connection is cut', speaks.gone);
    }
    const will = { topic: speechTopic(victim), payload: 'paid' };
    await assert.rejects(connect(machine, 0, { will }));
    await charge(victim, 0);
    await world.until(() => hears.told.length >= 2);
    assert.deepEqual([...new Set(hears.told.map(({ event }) => event.type))], ['payment.paid']);
    hears.client.end(true);
  });

  it('A-08: a revoked device, a closed terminal and a suspended merchant are cut off, on every node, and hear nothing more', async () => {
    const third = await newShop(world);
    const machines = [await aMachine(), await aMachine(), await aMachine(third)];
    const stays = await aMachine();
    const listening: Awaited<ReturnType<typeof listen>>[] = [];
    for (const [at, machine] of machines.entries()) listening.push(await listen(machine, at % 2));
    const keeps = await listen(stays, 0);
    const [revoked, closed] = machines;
    await shop.made(`/v1/devices/${revoked?.id}/revoke`, {});
    await shop.made(`/v1/terminals/${closed?.terminal_id}/close`, {});
    await suspendMerchant(world.ctx, third.merchant.id);
    await world.until(() => listening.every(({ gone }) => gone()), 2_000);
    for (const machine of machines) {
      await assert.rejects(connect(machine));
      await assert.rejects(connect(machine, 1));
    }
    await charge(stays, 1);
    await world.until(() => keeps.told.length >= 2);
    assert.deepEqual(
      listening.map(({ told }) => told.length),
      [0, 0, 0],
    );
    keeps.client.end(true);
  });

  it('cuts off who announces a large packet, before and after it is known', async () => {
    const port = world.nodes[0]?.mqttPort() as number;
    const socket = connectSocket({ port, host: '127.0.0.1' });
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await ended;
    const device = await listen(await aMachine());
    device.client.on('error', () => {});
    device.client.publish('x', 'x'.repeat(mqtt_packet_bytes_max), { qos: 0 });
    await until('the connection is cut', device.gone);
  });

  it('the same device again takes the place of its old connection', async () => {
    const machine = await aMachine();
    const old = await listen(machine);
    const fresh = await listen(machine);
    await until('the old connection is cut', old.gone);
    await charge(machine, 0);
    await world.until(() => fresh.told.length >= 2);
    assert.equal(old.told.length, 0);
    fresh.client.end(true);
  });
});

it('without the setting nothing listens', async () => {
  const quiet = await aWorld();
  try {
    assert.equal(quiet.nodes[0]?.mqttPort(), undefined);
  } finally {
    await quiet.close();
  }
});
