// A self-service kiosk in one file: shows one code for every wallet and serves when it is paid. 一台自助机：出示聚合码，收款成功才出单。
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const { HELIU_URL = 'http://127.0.0.1:8080', PAIRING_CODE = '' } = process.env;
const menu: Record<string, number> = { tea: 1_200, noodles: 1_880 }; // Prices in fen.
const open = ['waiting', 'show_qr', 'cancelling'];
type Order = { order_no: string; outcome: string; payment: { version: number; next_action: { qr_content?: string } } };
let token = ''; // A real kiosk keeps it across restarts.
let showing = '';

class Refused extends Error {}

async function ask<T = Order>(path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(`${HELIU_URL}/pos/api${path}`, { headers, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}) });
  const read = (await answer.json()) as T & { error?: { message: string; retryable: boolean } };
  if (read.error) throw new (read.error.retryable ? Error : Refused)(read.error.message);
  return read;
}

/** Without a final answer nothing is known: the same question again, with the same order number. */
async function insist(path: string, body?: object): Promise<Order> {
  for (;;) {
    try {
      return await ask(path, body);
    } catch (error) {
      if (error instanceof Refused) throw error;
      await setTimeout(1_000);
    }
  }
}

async function serve(item: string, amount_fen: number): Promise<void> {
  const order_no = randomBytes(10).toString('hex');
  let order = await insist('/orders', { order_no, try_no: 1, amount_fen, qr_method: 'qr' });
  showing = order_no;
  console.log(`scan ${order.payment.next_action.qr_content}`);
  while (open.includes(order.outcome)) order = await insist(`/orders/${order_no}/next?after_version=${order.payment.version}`);
  showing = '';
  console.log(order.outcome === 'paid' ? `one ${item}, please wait` : `no ${item}: ${order.outcome}`);
}

token = (await ask<{ token: string }>('/pair', { code: PAIRING_CODE, device_name: 'Kiosk 1' })).token;
console.log('ready');
for await (const pressed of createInterface(process.stdin)) {
  const amount_fen = menu[pressed];
  if (amount_fen !== undefined && showing === '') serve(pressed, amount_fen).catch((error: Error) => console.log(`no ${pressed}: ${error.message}`));
  // Giving up is a wish: what the order came to is said by the wait above.
  if (pressed === 'cancel' && showing !== '') insist(`/orders/${showing}/cancel`, {}).catch(() => {});
}
