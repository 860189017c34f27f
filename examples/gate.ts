// A gate in one file: reads a payment code, opens when it is paid. 一台闸机：读付款码，收款成功才开闸。
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';

const { HELIU_URL = 'http://127.0.0.1:8080', PAIRING_CODE = '' } = process.env;
const amount_fen = 200;
let token = ''; // A real gate keeps it across restarts.

async function ask(path: string, body?: object) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(`${HELIU_URL}/pos/api${path}`, { headers, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}) });
  const read = (await answer.json()) as { token: string; outcome: string; speech: string; payment: { version: number }; error?: { message: string } };
  if (read.error) throw new Error(read.error.message);
  return read;
}

/** The same order number on every retry: whatever the network does, nobody is charged twice. */
async function passOne(auth_code: string): Promise<string> {
  const order_no = randomBytes(10).toString('hex');
  let order = await ask('/orders', { order_no, try_no: 1, amount_fen, auth_code });
  while (order.outcome === 'waiting') order = await ask(`/orders/${order_no}/next?after_version=${order.payment.version}`);
  return order.outcome === 'paid' ? `open: ${order.speech}` : `stay closed: ${order.outcome}`;
}

token = (await ask('/pair', { code: PAIRING_CODE, device_name: 'Gate 1' })).token;
console.log('ready');
for await (const auth_code of createInterface(process.stdin)) console.log(await passOne(auth_code).catch((error: Error) => `stay closed: ${error.message}`));
