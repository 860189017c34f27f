// A shop in one file: sells tea, believes verified webhooks only, gives money back. 一家小店：卖茶、验签收款、退款。
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Heliu, webhooks } from '@heliu/sdk';

const { HELIU_URL = 'http://127.0.0.1:8080', HELIU_API_KEY, PORT = '3000' } = process.env;
const heliu = new Heliu({ baseUrl: HELIU_URL, apiKey: HELIU_API_KEY });
const price_fen = 100;
const states = ['unpaid', 'paid', 'refunded'];
const orders = new Map<string, string>(); // A real shop keeps its orders in a database.

async function buy(order_no: string) {
  orders.set(order_no, orders.get(order_no) ?? 'unpaid');
  const { next_action } = await heliu.payments.create({ merchant_order_no: order_no, amount_fen: price_fen, subject: '一杯茶', method: 'wechat_qr' });
  return next_action;
}

async function refund(order_no: string) {
  const payment = await heliu.payments.retrieveByOrderNo(order_no);
  return heliu.refunds.create({ payment_id: payment.id, merchant_refund_no: `R-${order_no}`, amount_fen: payment.amount_fen });
}

async function receive(request: IncomingMessage) {
  const event = await webhooks.verify(await buffer(request), request.headers, endpoint.secret);
  if (event.type === 'payment.paid' && event.data.paid_fen === price_fen) move(event.data.merchant_order_no, 'paid');
  if (event.type === 'refund.succeeded') move(String(event.data.merchant_refund_no).slice(2), 'refunded');
}

/** Events may come twice and out of order: an order only moves forward. */
function move(order_no: string, to: string) {
  if (orders.has(order_no) && states.indexOf(to) > states.indexOf(orders.get(order_no) ?? '')) orders.set(order_no, to);
}

createServer(async (request, response) => {
  const [, action = '', order_no = ''] = request.url?.split('/') ?? [];
  const work = { buy, refund, order: (no: string) => orders.get(no), webhooks: () => receive(request) }[action];
  const answer = await Promise.resolve(work?.(order_no)).catch((error: Error) => error);
  response.writeHead(answer instanceof Error || !work ? 400 : 200).end(JSON.stringify(answer instanceof Error ? answer.message : (answer ?? null)));
}).listen(Number(PORT), '127.0.0.1');

const endpoint = await heliu.webhookEndpoints.create({ url: `http://127.0.0.1:${PORT}/webhooks` });
console.log(`open for business: POST http://127.0.0.1:${PORT}/buy/A-1`);
