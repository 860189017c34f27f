import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { canonicalJson, sha256 } from '../../kernel/digest.ts';
import { pin_failures_max, pin_lock_ms } from '../../kernel/limits.ts';
import { moved_by_time, unchanged } from '../../testing/state.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { aPosShop, newNo, type PosShop, pin, refused } from './testing/till.ts';

let world: World;
let pos: PosShop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  pos = await aPosShop(world);
});
after(() => world.close());

describe('the PIN of a supervisor', () => {
  it('J-08: is kept by scrypt at its stated cost, under a salt of its own', async () => {
    const other = (await pos.made('/v1/stores', { name: '三店' })).id;
    await pos.made(`/v1/stores/${other}/supervisor_pin`, { pin });
    const rows = await world.ctx.db.kysely.selectFrom('supervisor_pins').selectAll().where('store_id', 'in', [pos.store_id, other]).execute();
    assert.equal(rows.length, 2);
    for (const { salt, pin_hash } of rows) {
      assert.equal(salt.length, 16);
      assert.ok(pin_hash.equals(scryptSync(pin, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })));
    }
    assert.notDeepEqual(rows[0]?.salt, rows[1]?.salt);
  });

  it('J-08: is all of its digits and nothing else: what is cut, longer, padded or written otherwise is refused and changes nothing', async () => {
    const path = `/v1/stores/${pos.store_id}/supervisor_pin`;
    const wrongForms = async () => {
      for (const wrong of ['', '12345', '1'.repeat(13), '1'.repeat(64), `${pin}\u0000`, ` ${pin}`, `${pin}\n`, '２０４８５７', '0x3203', Number(pin), null])
        assert.deepEqual((await world.api('POST', path, { key: pos.shop.key, body: { pin: wrong } })).body.error?.param, 'pin', JSON.stringify(wrong));
    };
    await unchanged(world.ctx, wrongForms);
    const long = '204857204857';
    const elsewhere = (await pos.made('/v1/stores', { name: '四店' })).id;
    await pos.made(`/v1/stores/${elsewhere}/supervisor_pin`, { pin: long });
    const till = await pos.aTill(100_000, await pos.aTerminal(elsewhere));
    const order_no = await pos.aPaid(till);
    const refund = (tried: string) => till.send('/refunds', { order_no, refund_no: newNo(), amount_fen: 1, pin: tried });
    // That a try failed is counted; nothing is given back, nor anything else moved.
    const tryWrong = async () => {
      for (const wrong of [long.slice(0, 6), long.slice(0, 11), `${long.slice(0, 11)}8`, `9${long.slice(1)}`])
        refused(await refund(wrong), 403, 'supervisor_pin_wrong');
    };
    await unchanged(world.ctx, tryWrong, [...moved_by_time, 'supervisor_pins']);
    assert.equal((await refund(long)).status, 201);
  });

  it('is not told by the hash of the request that set it, and the same request is still known by it', async () => {
    const path = `/v1/stores/${pos.store_id}/supervisor_pin`;
    const set = (tried: string) => world.flow(world.api('POST', path, { key: pos.shop.key, body: { pin: tried }, headers: { 'idempotency-key': 'one-pin' } }));
    const first = await set(pin);
    assert.equal(first.text, (await set(pin)).text);
    refused(await set('204858'), 409, 'idempotency_key_reused');
    const [kept] = await world.ctx.db.run<{ request_hash: Buffer }>(
      { name: 'pin_request', text: 'select request_hash from idempotency_keys where merchant_id = $1 and key = $2' },
      [pos.shop.merchant.id, 'one-pin'],
    );
    const plain = sha256(canonicalJson(['set_supervisor_pin', { store_id: pos.store_id }, { pin }]));
    assert.equal(kept?.request_hash.equals(plain), false);
  });

  it('D-01: five wrong PINs lock the tills of the store, also when they come at once; the right one then waits too', async () => {
    const elsewhere = (await pos.made('/v1/stores', { name: '二店' })).id;
    const till = await pos.aTill(100_000, await pos.aTerminal(elsewhere));
    const order_no = await pos.aPaid(till);
    const refund = (tried: string, node = 0) => till.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 1, pin: tried }, node);
    refused(await world.flow(refund(pin)), 409, 'supervisor_pin_missing');
    await pos.made(`/v1/stores/${elsewhere}/supervisor_pin`, { pin });
    const answers = await world.flow(Promise.all(Array.from({ length: 12 }, (_, at) => refund('000000', at % 2))));
    assert.equal(answers.filter(({ body }) => body.error.code === 'supervisor_pin_wrong').length, pin_failures_max);
    refused(await world.flow(refund(pin)), 429, 'supervisor_pin_locked');
    world.clock.advance(pin_lock_ms);
    assert.equal((await world.flow(refund(pin))).status, 201);
  });
});
