import type { FastifyInstance, FastifyReply } from 'fastify';
import { formatYuan, toFen } from '../../../kernel/money.ts';
import type { ActResult, PayerAct } from '../../kit/simulator.ts';
import { parseForm } from '../message.ts';
import type { Fields } from '../sign.ts';
import type { Ledger, Order } from './ledger.ts';
import { paymentFields } from './notifier.ts';
import type { Seal } from './seal.ts';
import { messageOf, type Trades } from './trades.ts';

type Parts = {
  readonly ledger: Ledger;
  readonly seal: Seal;
  readonly trades: Trades;
  readonly baseUrl: () => string;
  readonly act: (order: Order, act: PayerAct) => ActResult;
};

/** The gateway's page, on which the payer pays or leaves, and the way back to the merchant. */
export function createPages({ ledger, seal, trades, baseUrl, act }: Parts) {
  const cashierUrl = (order: Order): string => `${baseUrl()}/cashier/${order.token}`;

  /** The browser goes back with a form, as the real one does: signed, and no proof of anything. */
  async function leave(reply: FastifyReply, order: Order): Promise<FastifyReply> {
    if (order.front_url === undefined) return html(reply, 200, page(order, '<p>已完成</p>', false));
    if (order.state !== 'paid') return reply.redirect(order.front_url, 303);
    const fields = await seal.complete(new Map(Object.entries(paymentFields(order))), ledger.merchants.get(order.mer_id), 'good');
    return html(reply, 200, backForm(order.front_url, fields));
  }

  return {
    show: (reply: FastifyReply, order: Order): FastifyReply => html(reply, 200, page(order, '', trades.isPayable(order), cashierUrl(order))),
    refuse: (reply: FastifyReply, code: string): FastifyReply => html(reply, 200, `<h1>交易失败</h1><p>${code} ${messageOf(code)}</p>`),
    cashierUrl,
    routes(server: FastifyInstance): void {
      server.get<{ Params: { token: string } }>('/cashier/:token', (request, reply) => {
        const order = ledger.findNamed(request.params.token);
        return order?.token === request.params.token ? html(reply, 200, page(order, '', trades.isPayable(order))) : html(reply, 404, '<h1>订单不存在</h1>');
      });
      server.post<{ Params: { token: string } }>('/cashier/:token', (request, reply) => {
        const order = ledger.findNamed(request.params.token);
        if (order?.token !== request.params.token) return html(reply, 404, '<h1>订单不存在</h1>');
        const pays = parseForm(request.body as Buffer)?.get('act') === 'pay';
        const result = act(order, pays ? { do: 'pay' } : { do: 'decline' });
        const after = ledger.findNamed(order.token) ?? order;
        return result.done ? leave(reply, after) : html(reply, 409, page(after, `<p>${escapeHtml(result.problem)}</p>`, false));
      });
    },
  };
}
export type Pages = ReturnType<typeof createPages>;

const html_escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => html_escapes[character] as string);

const style =
  'body{font:16px/1.6 system-ui;max-width:24rem;margin:3rem auto;padding:0 1rem;text-align:center;overflow-wrap:anywhere}b{font-size:2rem}button{font:inherit;padding:.6rem 2rem;margin:.5rem;border:1px solid #c8102e;border-radius:.4rem;background:#fff;color:#c8102e}button[value=pay],button.main{background:#c8102e;color:#fff}small{color:#6b6b6b}';

const html = (reply: FastifyReply, status: number, body: string): FastifyReply =>
  reply
    .code(status)
    .headers({ 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *", 'cache-control': 'no-store' })
    .type('text/html;charset=utf-8')
    .send(
      `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>银联在线支付（模拟）</title><style>${style}</style></head><body>${body}</body></html>`,
    );

function page(order: Order, note: string, is_payable: boolean, action = ''): string {
  const buttons = `<form method="post" action="${escapeHtml(action)}"><button name="act" value="pay">支付 Pay</button><button name="act" value="decline">离开 Leave</button></form>`;
  const amount = formatYuan(toFen(order.amount_fen));
  const shown = [`<p>${escapeHtml(order.subject)}</p>`, `<b>¥ ${amount}</b>`, `<p><small>${escapeHtml(order.order_id)}</small></p>`];
  const is_over = is_payable ? buttons : note === '' ? '<p>该订单已不能支付 This order can no longer be paid.</p>' : '';
  return `<h1>银联在线支付</h1><p><small>模拟网关，不涉及真实资金 Simulated gateway, no real money</small></p>${shown.join('')}${note}${is_over}`;
}

/** Without scripts the browser is sent back by the payer's own press. */
function backForm(front_url: string, fields: Fields): string {
  const inputs = [...fields].map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`);
  return `<h1>支付成功</h1><form method="post" action="${escapeHtml(front_url)}" accept-charset="utf-8">${inputs.join('')}<button class="main">返回商户 Back to the merchant</button></form>`;
}
