// A vending machine in one file: releases what was paid for once, also when its power fails. 一台售货机：断电也不多出货、不白收钱。
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const { HELIU_URL = 'http://127.0.0.1:8080', PAIRING_CODE = '', STATE_FILE = 'vending.json' } = process.env;
const prices: Record<string, number> = { A1: 350, A2: 500 }; // In fen.
const open = ['waiting', 'show_qr', 'cancelling'];
type Order = { order_no: string; slot: string; releasing?: boolean };
type Answer = { outcome: string; payment: { version: number; next_action: { qr_content?: string } } };
const state: { token?: string; order?: Order } = existsSync(STATE_FILE) ? JSON.parse(readFileSync(STATE_FILE, 'utf8')) : {};

/** Whole or not at all, whenever the power fails. */
function save(order?: Order): void {
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify(Object.assign(state, { order })), { mode: 0o600 });
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

class Refused extends Error {}

async function ask<T = Answer>(path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json', ...(state.token ? { authorization: `Bearer ${state.token}` } : {}) };
  const answer = await fetch(`${HELIU_URL}/pos/api${path}`, { headers, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}) });
  const read = (await answer.json()) as T & { error?: { message: string; retryable: boolean } };
  if (read.error) throw new (read.error.retryable ? Error : Refused)(read.error.message);
  return read;
}

/** Without a final answer nothing is known: the same question again. */
const insist = (path: string, body?: object): Promise<Answer> =>
  ask(path, body).catch(async (error: unknown) => {
    if (error instanceof Refused) throw error;
    await setTimeout(1_000);
    return insist(path, body);
  });

/** The order was written down before it was asked for, so after a restart it is the same order. */
async function sell(order: Order): Promise<void> {
  const { order_no, slot } = order;
  // Whether the motor turned before the power failed is not known: a person looks, and the shop refunds if it did not.
  if (order.releasing) console.log(`look at ${slot}: order ${order_no} is paid`);
  else {
    let news = await insist('/orders', { order_no, try_no: 1, amount_fen: prices[slot], qr_method: 'qr' });
    if (open.includes(news.outcome)) console.log(`scan ${news.payment.next_action.qr_content}`);
    while (open.includes(news.outcome)) news = await insist(`/orders/${order_no}/next?after_version=${news.payment.version}`);
    if (news.outcome === 'paid') {
      save({ ...order, releasing: true });
      console.log(`release ${slot}`); // A real machine turns its motor here.
    } else console.log(`keep ${slot}: ${news.outcome}`);
  }
  save();
}

if (state.token === undefined) {
  state.token = (await ask<{ token: string }>('/pair', { code: PAIRING_CODE, device_name: 'Vending machine 1' })).token;
  save();
}
console.log('ready');
if (state.order) await sell(state.order);
for await (const slot of createInterface(process.stdin)) {
  if (prices[slot] === undefined) continue;
  save({ order_no: randomBytes(10).toString('hex'), slot });
  await sell(state.order as Order);
}
