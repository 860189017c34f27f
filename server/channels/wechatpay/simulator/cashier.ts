import type { WireReply } from '../../kit/gateway/wire.ts';
import { actOn } from './ledger.ts';
import type { Order, World } from './world.ts';

/** The page behind `h5_url`, where a mobile browser would open the wallet: here the person decides on it. */
export type Cashier = { readonly show: (query: URLSearchParams) => WireReply; readonly decide: (query: URLSearchParams, form: URLSearchParams) => WireReply };

export function createCashier(world: World, onPaid: (order: Order) => void): Cashier {
  const orderOf = (query: URLSearchParams): Order | undefined =>
    [...world.tables.order.values()].find(({ prepay }) => prepay !== undefined && prepay.id === query.get('prepay_id') && prepay.pr === query.get('package'));

  return {
    show(query) {
      const order = orderOf(query);
      return order ? page(200, orderForm(order)) : page(404, '<p>支付请求已失效，请重新发起支付</p>');
    },
    decide(query, form) {
      const order = orderOf(query);
      if (!order) return page(404, '<p>支付请求已失效，请重新发起支付</p>');
      const { result, paid } = actOn(world, order, { do: form.get('do') === 'pay' ? 'pay' : 'decline' });
      if (paid) onPaid(paid);
      const back = query.get('redirect_url');
      if (result.done && back !== null && /^https?:\/\//.test(back)) return { status: 303, headers: { Location: back }, body: '' };
      return page(200, `<p>${result.done ? '已完成' : escapeHtml(result.problem)}</p>`);
    },
  };
}

const orderForm = (order: Order): string => `<h1>微信支付（模拟）</h1>
<p>${escapeHtml(order.description)}</p>
<p>¥${(order.total / 100).toFixed(2)}</p>
<form method="post"><button name="do" value="pay">立即支付</button> <button name="do" value="decline">取消</button></form>`;

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function page(status: number, content: string): WireReply {
  const body = `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>微信支付（模拟）</title>
${content}
</html>
`;
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': "default-src 'none'; form-action *", 'Cache-Control': 'no-store' },
    body,
  };
}
