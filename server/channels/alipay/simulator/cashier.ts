import type { Method } from '@heliu/contract';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Clock, formatShanghai } from '../../../kernel/time.ts';
import type { ActResult, PayerAct } from '../../kit/simulator.ts';
import { charsetOf, readForm } from '../form.ts';
import type { Authority } from './authority.ts';
import { ContentError, yuan } from './content.ts';
import type { Ledger, Trade } from './ledger.ts';
import type { Outcome } from './outcome.ts';
import { type Call, isRefusal, mergeParams, readRequest } from './request.ts';
import { encodeText, escapeHtml, signBytes, signParams } from './text.ts';
import { isOutcome, type Trades } from './trades.ts';

/** APIs that a browser or an app opens: they make no order until the payer is at the cashier. */
const page_methods: Readonly<Record<string, Method>> = {
  'alipay.trade.page.pay': 'alipay_page',
  'alipay.trade.wap.pay': 'alipay_wap',
  'alipay.trade.app.pay': 'alipay_app',
};
export const page_apis: ReadonlySet<string> = new Set(Object.keys(page_methods));

export type Opened = { readonly opened: true; readonly order_no: string; readonly cashier_url: string } | { readonly opened: false; readonly problem: string };

type Parts = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly authority: Authority;
  readonly trades: Trades;
  readonly baseUrl: () => string;
  readonly act: (trade: Trade, act: PayerAct) => ActResult;
};

/** What the payer sees: the cashier of web payments and codes, and the wallet that an order string opens. */
export function createCashier({ clock, ledger, authority, trades, baseUrl, act }: Parts) {
  const cashierUrl = (trade: Trade): string => `${baseUrl()}/cashier/${trade.token}`;

  function make({ api, caller, content }: Call): Trade | Outcome {
    try {
      return trades.make(caller, content, { api, method: page_methods[api] as Method, opened: false, buyer: {} });
    } catch (error) {
      if (error instanceof ContentError) return error.outcome;
      throw error;
    }
  }

  /** The gateway sends the browser on to the cashier. */
  function show(reply: FastifyReply, call: Call): FastifyReply {
    const made = make(call);
    return isOutcome(made) ? refuse(reply, made) : reply.redirect(cashierUrl(made), 302);
  }

  /** A person sees this, in GBK as the gateway writes it. */
  function refuse(reply: FastifyReply, { sub_code = '', sub_msg = '' }: Outcome): FastifyReply {
    const lines = ['调试错误，请回到请求来源地，重新发起请求。', `错误代码 ${sub_code.replace(/^isv\./, '')}`, `错误原因: ${sub_msg}`];
    const body = lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('');
    return reply
      .code(200)
      .type('text/html;charset=GBK')
      .send(encodeText(`<html><head><title>支付宝</title></head><body>${body}</body></html>`, 'gbk'));
  }

  /** What the wallet does with a text that it was handed: an order string, or a link to the gateway. */
  function open(text: string): Opened {
    const query = text.includes('?') ? text.slice(text.indexOf('?') + 1) : text;
    const form = mergeParams(query, Buffer.alloc(0));
    const call = form && readRequest(form, ledger, page_apis);
    if (!call) return { opened: false, problem: 'not an order string' };
    if (isRefusal(call)) return { opened: false, problem: `${call.outcome.sub_code}: ${call.outcome.sub_msg}` };
    const made = make(call);
    if (isOutcome(made)) return { opened: false, problem: `${made.sub_code}: ${made.sub_msg}` };
    return { opened: true, order_no: trades.open(made).out_trade_no, cashier_url: cashierUrl(made) };
  }

  /** Where the browser goes after paying: the merchant's page, with signed parameters that name the order and no state. */
  async function returnUrl(trade: Trade): Promise<string | undefined> {
    const app = ledger.apps.get(trade.app_id);
    if (trade.return_url === undefined || !app) return undefined;
    const params = {
      app_id: trade.app_id,
      auth_app_id: trade.auth_app_id,
      charset: trade.charset,
      method: `${trade.api}.return`,
      out_trade_no: trade.out_trade_no,
      seller_id: trade.pid,
      timestamp: formatShanghai(clock.now()),
      total_amount: yuan(trade.amount_fen),
      trade_no: trade.trade_no ?? '',
      version: '1.0',
    };
    const { key } = await authority.signer(app.trust);
    const url = new URL(trade.return_url);
    for (const [name, value] of Object.entries(signParams(params, key, trade.charset))) url.searchParams.append(name, value);
    return url.href;
  }

  /** What the wallet hands back to the app: the text inside is signed as the gateway signs its answers. */
  async function appResult(trade: Trade): Promise<{ resultStatus: string; memo: string; result: string }> {
    const app = ledger.apps.get(trade.app_id);
    if (trade.paid_ms === undefined || !app) return { resultStatus: '6001', memo: '用户中途取消', result: '' };
    const node = JSON.stringify({
      code: '10000',
      msg: 'Success',
      app_id: trade.app_id,
      auth_app_id: trade.auth_app_id,
      charset: trade.charset,
      timestamp: formatShanghai(new Date(trade.paid_ms)),
      out_trade_no: trade.out_trade_no,
      total_amount: yuan(trade.amount_fen),
      trade_no: trade.trade_no,
      seller_id: trade.pid,
    });
    const sign = signBytes(encodeText(node, trade.charset), (await authority.signer(app.trust)).key);
    return { resultStatus: '9000', memo: '', result: `{"alipay_trade_app_pay_response":${node},"sign":"${sign}","sign_type":"RSA2"}` };
  }

  /** The routes of the payer's side. */
  function routes(server: FastifyInstance): void {
    server.get<{ Params: { token: string } }>('/qr/:token', (request, reply) => reply.redirect(`${baseUrl()}/cashier/${request.params.token}`, 302));
    server.get<{ Params: { token: string } }>('/cashier/:token', (request, reply) => {
      const trade = ledger.findByToken(request.params.token);
      if (!trade || ledger.isBarred(trade.pid, trade.out_trade_no)) return html(reply, 404, '<h1>订单不存在</h1>');
      const is_open = trade.state === 'WAIT_BUYER_PAY';
      return html(reply, 200, page(is_open ? trades.open(trade) : trade, is_open ? '' : '<p>该订单已不能支付</p>'));
    });
    server.post<{ Params: { token: string } }>('/cashier/:token', async (request, reply) => {
      const trade = ledger.findByToken(request.params.token);
      if (!trade) return html(reply, 404, '<h1>订单不存在</h1>');
      const pays = readForm(request.body as Buffer)?.get('act') === 'pay';
      const result = act(trade, pays ? { do: 'pay' } : { do: 'decline' });
      const after = ledger.findByToken(trade.token) ?? trade;
      if (!result.done) return html(reply, 409, page(after, `<p>${escapeHtml(result.problem)}</p>`));
      const next = pays ? await returnUrl(after) : (after.quit_url ?? after.return_url);
      return next === undefined ? html(reply, 200, page(after, `<p>${pays ? '支付成功' : '已取消'}</p>`)) : reply.redirect(next, 303);
    });
    server.post('/wallet/open', (request, reply) => {
      const opened = open((request.body as Buffer).toString('utf8').trim());
      return reply.code(opened.opened ? 200 : 422).send(opened);
    });
    server.get<{ Params: { order_no: string } }>('/wallet/result/:order_no', async (request, reply) => {
      const trade = ledger.findByOrderNo(request.params.order_no);
      return trade?.method === 'alipay_app' ? reply.send(await appResult(trade)) : reply.code(404).send({ problem: 'no such order' });
    });
  }

  return { show, refuse, open, routes, cashierUrl };
}

const html = (reply: FastifyReply, status: number, body: string): FastifyReply =>
  reply
    .code(status)
    .headers({ 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *", 'cache-control': 'no-store' })
    .type(`text/html;charset=${charsetOf('utf-8')}`)
    .send(
      `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>支付宝收银台（模拟）</title><style>${style}</style></head><body>${body}</body></html>`,
    );

const style =
  'body{font:16px/1.6 system-ui;max-width:24rem;margin:3rem auto;padding:0 1rem;text-align:center}b{font-size:2rem}button{font:inherit;padding:.6rem 2rem;margin:.5rem;border:1px solid #1677ff;border-radius:.4rem;background:#fff;color:#1677ff}button[value=pay]{background:#1677ff;color:#fff}small{color:#767676}';

function page(trade: Trade, note: string): string {
  const buttons = '<form method="post"><button name="act" value="pay">支付</button><button name="act" value="decline">取消</button></form>';
  const shown = [`<p>${escapeHtml(trade.subject)}</p>`, `<b>¥ ${yuan(trade.amount_fen)}</b>`, `<p><small>${escapeHtml(trade.out_trade_no)}</small></p>`];
  return `<h1>支付宝收银台</h1><p><small>模拟网关，不涉及真实资金</small></p>${shown.join('')}${note}${trade.state === 'WAIT_BUYER_PAY' ? buttons : ''}`;
}
