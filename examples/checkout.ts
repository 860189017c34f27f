// A shop that sends its payers to Heliu's page: the whole integration. 跳转收银台的小店：全部接入代码。
import { createServer } from 'node:http';
import { Heliu } from '@heliu/sdk';

const { HELIU_URL = 'http://127.0.0.1:8080', HELIU_API_KEY, PORT = '3000' } = process.env;
const heliu = new Heliu({ baseUrl: HELIU_URL, apiKey: HELIU_API_KEY });
createServer(async (request, response) => {
  const order_no = new URL(request.url ?? '/', 'http://shop').searchParams.get('order_no');
  if (order_no === null) return response.end(`<form><button name="order_no" value="T-${Date.now()}">买一杯茶 Buy a tea</button></form>`);
  const session = await heliu.checkoutSessions.create({ merchant_order_no: order_no, amount_fen: 100, subject: '一杯茶' });
  response.writeHead(303, { location: session.url }).end();
}).listen(Number(PORT));
