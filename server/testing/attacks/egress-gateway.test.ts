import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createChannelClient } from '../../channels/client.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { Secret } from '../../kernel/secret.ts';
import { addMs } from '../../kernel/time.ts';
import { createChannelAccount } from '../../merchants/service.ts';
import { activateAccount } from '../../merchants/sessions/service.ts';
import { sealKey } from '../../merchants/sessions/session.ts';
import { keepSession } from '../../merchants/sessions/store.ts';
import { createHttpOut } from '../../platform/egress.ts';
import type { TestCtx } from '../ctx.ts';
import { unchanged } from '../state.ts';
import { type EgressNodes, openEgressNodes } from './egress-nodes.ts';

/** Group F of reliability.md, where the address is that of a channel's gateway and stands in the settings of an account. */
let nodes: EgressNodes;
before(async () => {
  nodes = await openEgressNodes();
});
after(() => nodes.close());

describe('F-13: the gateway of a channel account', () => {
  it('that is inside is refused when it is saved, and not called when its name has moved there', async () => {
    const { strict, open, merchant_id } = nodes;
    const gateway = await nodes.aServer((_, answer) => answer.end('{}'));
    for (const { channel, create } of simulators) {
      const ports = { clock: open.clock, rng: open.ctx.rng, base_url: 'http://127.0.0.1:1/', time_scale: 1 };
      const simulator = create({ ...ports, journal: { load: () => [], append: () => {} }, send: () => Promise.reject(new Error('nobody is told')) });
      const declared = channels.get(channel);
      assert.ok(declared);
      const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
      const addresses = Object.keys(declared.config.properties).filter((name) => name.endsWith('_url'));
      const account = (ctx: TestCtx['ctx'], address: string, moved = addresses) =>
        createChannelAccount(ctx, {
          merchant_id,
          livemode: false,
          channel,
          name: channel,
          settings: { ...settings, ...Object.fromEntries(moved.map((name) => [name, address])) },
        });
      const strict_ctx = { ...strict.ctx, http: createHttpOut(strict.ctx.config) };
      const saveInside = async () => {
        for (const inside of [
          'https://127.0.0.1/x',
          'http://example.com/x',
          'https://169.254.169.254/x',
          'https://localhost/x',
          'https://10.0.0.1/x',
          'https://[::1]/x',
          'https://2130706433/x',
          'https://user@example.com/x',
        ])
          for (const name of addresses) await assert.rejects(account(strict_ctx, inside, [name]), { name: 'RefusalError' }, `${channel} ${name} ${inside}`);
      };
      await unchanged(strict.ctx, saveInside);
      nodes.answerNames(() => ['127.0.0.2']);
      const { id } = await account(open.ctx, `http://gateway.example.com:${gateway.port}/x`);
      if (simulator.newSessionCode) {
        const name = { merchant_id, channel_account_id: id };
        const code = new Secret(simulator.newSessionCode(settings));
        const outcome = await activateAccount({ ...open.ctx, channels: createChannelClient(open.ctx) }, { ...name, code });
        assert.equal(outcome.is === 'unknown' && outcome.cause, 'not_sent', 'no code goes there');
        // A key that it got before the name moved.
        const key_sealed = sealKey(open.ctx.vault, { ...name, version: 1 }, new Secret('a key of before'));
        const got_at = open.clock.now();
        assert.ok(await keepSession(open.ctx, { ...name, version: 1, name: 'terminal', key_sealed, got_at, renew_at: addMs(got_at, 86_400_000) }));
      }
      // One whose order is a call to the gateway; some gateways have no QR codes, some nothing but payment codes.
      const offered = Object.keys(declared.pay);
      const method = ['_qr', '_app', '_barcode'].flatMap((scene) => offered.find((name) => name.endsWith(scene)) ?? [])[0];
      const { body, text } = await nodes.call('open', '/v1/payments', {
        merchant_order_no: `gateway-${channel}`,
        amount_fen: 100,
        subject: 'x',
        method,
        channel_account_id: id,
        ...(method?.endsWith('_barcode') ? { auth_code: simulator.newPaymentCode('pays') } : {}),
      });
      assert.equal(body.attempt?.state, 'sending', text);
      await simulator.close();
    }
    assert.equal(gateway.visits(), 0);
  });
});
