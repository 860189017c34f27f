import assert from 'node:assert/strict';
import { newShop, type Shop } from '../../../payments/testing/shop.ts';
import type { ApiAnswer, World } from '../../../testing/world.ts';

/** The PIN of the supervisor of the shop's store. */
export const pin = '204857';

export type Till = {
  readonly token: string;
  readonly terminal_id: string;
  readonly device_id: string;
  /** Asks as the device; undefined body is a GET. */
  readonly ask: (path: string, body?: object, node?: number) => Promise<ApiAnswer>;
  /** The same, while time passes. */
  readonly send: (path: string, body?: object, node?: number) => Promise<ApiAnswer>;
};

let numbered = 0;
/** An order or refund number as a till makes it. */
export const newNo = () => `N${String(++numbered).padStart(15, '0')}`;

export const refused = (answer: ApiAnswer, status: number, code: string) =>
  assert.deepEqual([answer.status, answer.body.error?.code], [status, code], answer.text);

/** A shop with one store whose supervisor has a PIN, and whose tills are paired as needed. */
export async function aPosShop(world: World) {
  const shop = await newShop(world);
  /** Creates or changes something of the shop by its API key. */
  const { made } = shop;
  const store_id: string = (await made('/v1/stores', { name: '南京东路店' })).id;
  await made(`/v1/stores/${store_id}/supervisor_pin`, { pin });
  const aTerminal = async (of = store_id) => (await made('/v1/terminals', { store_id: of, name: '1 号台', kind: 'pos' })).id as string;
  const pair = (code: string, node = 0) => world.api('POST', '/pos/api/pair', { body: { code, device_name: '前台' }, key: 'none', node });
  const aTill = async (refund_fen_max = 100_000, terminal?: string): Promise<Till> => {
    const terminal_id = terminal ?? (await aTerminal());
    const { code } = await made(`/v1/terminals/${terminal_id}/pairing_codes`, { refund_fen_max });
    const { body, status, text } = await world.flow(pair(code));
    assert.equal(status, 201, text);
    const ask: Till['ask'] = (path, sent, node = 0) =>
      world.api(sent === undefined ? 'GET' : 'POST', `/pos/api${path}`, { key: body.token, node, ...(sent === undefined ? {} : { body: sent }) });
    return { token: body.token, terminal_id, device_id: body.device.id, ask, send: (...input) => world.flow(ask(...input)) };
  };
  const byCode = (channel: string, behaviour: Parameters<Shop['paymentCode']>[1] = 'pays') => ({
    order_no: newNo(),
    try_no: 1,
    amount_fen: 1_280,
    auth_code: shop.paymentCode(channel, behaviour),
  });
  /** An order that was paid at the till; its number. */
  const aPaid = async (till: Till): Promise<string> => {
    const sent = byCode('wechatpay');
    await till.send('/orders', sent);
    await world.until(async () => (await till.ask(`/orders/${sent.order_no}`)).body.outcome === 'paid');
    return sent.order_no;
  };
  return { shop, store_id, made, aTerminal, pair, aTill, byCode, aPaid };
}
export type PosShop = Awaited<ReturnType<typeof aPosShop>>;
