import { type NoticeRequest, wireOf } from '../channels/kit/simulator.ts';
import type { Dice } from './dice.ts';
import { ask } from './merchants.ts';
import type { World } from './world.ts';

/** Someone who listens in on notifications and sends what it likes to every address of Heliu, until the world heals. */
export async function attack(world: World): Promise<void> {
  const { sim, gateways, network, merchants } = world;
  const dice = sim.faults.dice('CF-11');
  while (!sim.healed) {
    await sim.sleep(500 + dice.below(4_000));
    const target = gateways.sent.length > 0 ? dice.pick(gateways.sent) : undefined;
    if (target && sim.faults.hit('CF-11')) {
      const forged = forge(
        dice,
        target,
        merchants.flatMap(({ accounts }) => [...accounts.values()]),
      );
      network.toHeliu({ ...wireOf(forged), is_forged: true }).catch(() => {});
    }
    if (sim.faults.hit('MF-04')) {
      const merchant = sim.faults.dice('MF-04').pick(merchants);
      const { path, raw, key, headers } = malformed(sim.faults.dice('MF-04'));
      const answer = await ask(sim, network, merchant, { method: 'POST', path, raw, ...(key === undefined ? {} : { key }), headers });
      if (answer && answer.status < 300) throw new Error(`a malformed request was answered ${answer.status}: ${raw.slice(0, 100)}`);
    }
  }
}

/** Replays, strips, alters, redirects and mixes up what a gateway truly sent. */
function forge(dice: Dice, sent: NoticeRequest, accounts: readonly string[]): NoticeRequest {
  const flip = (text: string): string => {
    const at = dice.below(text.length);
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  };
  const isSignature = (name: string) => /signature$/i.test(name);
  const changeHeaders = (change: (value: string) => string) =>
    Object.fromEntries(Object.entries(sent.headers).map(([name, value]) => [name, isSignature(name) ? change(value) : value]));
  switch (dice.below(7)) {
    case 0:
      return sent;
    case 1:
      return {
        ...sent,
        headers: Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !isSignature(name))),
        body: sent.body.replace(/&?sign=[^&]*/, ''),
      };
    case 2:
      return { ...sent, headers: changeHeaders(flip), body: sent.body.replace(/sign=([^&]+)/, (_, sign: string) => `sign=${flip(sign)}`) };
    case 3:
      return { ...sent, body: flip(sent.body) };
    case 4:
      return { ...sent, url: sent.url.replace(/acc_\w+$/, dice.pick(accounts)) };
    case 5:
      return { ...sent, body: sent.body.replace(/total_amount=[^&]*/, 'total_amount=0.01').replace('SUCCESS', 'CLOSED') };
    default:
      return { ...sent, body: `${sent.body}${sent.body.slice(0, 40)}` };
  }
}

const order = '{"merchant_order_no":"evil","amount_fen":100,"subject":"x","method":"wechat_qr"}';

function malformed(dice: Dice): { path: string; raw: string; key?: string; headers?: Record<string, string> } {
  const path = '/v1/payments';
  switch (dice.below(7)) {
    case 0:
      return { path, raw: order.slice(0, dice.below(order.length)) };
    case 1:
      return { path, raw: order.replace('100', '1e2').replace('"subject"', '"amount_fen":1,"subject"') };
    case 2:
      return { path, raw: `${'['.repeat(200)}${']'.repeat(200)}` };
    case 3:
      return { path, raw: order.replace('100', '99999999999999999999') };
    case 4:
      return { path, raw: order, key: 'sk_test_wrong' };
    case 5:
      return { path, raw: order, headers: { 'content-type': 'text/plain' } };
    default:
      return { path: '/v1/refunds', raw: '{"payment_id":"pay_01JD0000000000000000000000","merchant_refund_no":"evil","amount_fen":1}' };
  }
}
