import type { WireReply } from '../../kit/gateway/wire.ts';
import type { Handed } from '../../kit/wallet-browser.ts';
import { verifyRequest } from './crypto.ts';
import { actOn, openidOf } from './ledger.ts';
import type { RawRequest } from './wire.ts';
import type { Merchant, Order, World } from './world.ts';

/** The payer's side of pages inside WeChat: silent sign-in, the exchange of its codes, and the sheet that a page's bridge opens. */
export type Wallet = { readonly serve: (request: RawRequest) => WireReply | undefined };

const code_ms = 5 * 60_000;

export function createWallet(world: World, onPaid: (order: Order) => void): Wallet {
  const codes = new Map<string, { readonly appid: string; readonly made_ms: number; used: boolean }>();

  /** @see https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html */
  function authorize(query: URLSearchParams, user_agent: string): WireReply {
    const redirect_uri = query.get('redirect_uri') ?? '';
    const [appid, state] = [query.get('appid') ?? '', query.get('state') ?? ''];
    if (!/MicroMessenger/i.test(user_agent)) return text(200, '请在微信客户端打开链接');
    if (!merchantOf(appid) || query.get('scope') !== 'snsapi_base' || query.get('response_type') !== 'code') return text(200, 'appid 或参数错误');
    if (!/^[0-9A-Za-z]{0,128}$/.test(state) || !URL.canParse(redirect_uri)) return text(200, 'redirect_uri 参数错误');
    const code = world.hex(32);
    codes.set(code, { appid, made_ms: world.now_ms(), used: false });
    const back = new URL(redirect_uri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', state);
    return { status: 302, headers: { Location: back.href }, body: '' };
  }

  function exchange(query: URLSearchParams): WireReply {
    const [appid, code] = [query.get('appid') ?? '', query.get('code') ?? ''];
    const merchant = merchantOf(appid);
    if (!merchant) return error(40013, 'invalid appid');
    if (query.get('secret') !== merchant.app_secret) return error(40125, 'invalid appsecret');
    const held = codes.get(code);
    if (!held || held.appid !== appid || world.now_ms() - held.made_ms > code_ms) return error(40029, 'invalid code');
    if (held.used) return error(40163, 'code been used');
    held.used = true;
    return json({ access_token: world.hex(64), expires_in: 7200, refresh_token: world.hex(64), openid: openidOf(appid, undefined), scope: 'snsapi_base' });
  }

  const merchantOf = (appid: string): Merchant | undefined =>
    [...world.tables.merchant.values()].find(({ appids, app_secret }) => app_secret !== undefined && appids.includes(appid));

  /** The wallet checks what a page hands it before it shows anything. */
  function open(params: Readonly<Record<string, string>>): Handed {
    const order = [...world.tables.order.values()].find(({ prepay }) => prepay !== undefined && params.package === `prepay_id=${prepay.id}`);
    const merchant = order && world.tables.merchant.get(order.mchid);
    if (!order || !merchant) return { problem: '支付请求已失效，请重新发起支付' };
    const { appId = '', timeStamp = '', nonceStr = '', paySign = '' } = params;
    if (appId !== (order.sub_appid ?? order.appid) && appId !== order.appid) return { problem: '商家参数格式有误' };
    const message = [appId, timeStamp, nonceStr, params.package].map((line) => `${line}\n`).join('');
    if (params.signType !== 'RSA' || !verifyRequest(world, merchant, message, paySign)) return { problem: '支付验证签名失败' };
    const { openid = order.payer.sub_openid } = order.payer;
    if (openid !== openidOf(appId, undefined)) return { problem: '下单账号与支付账号不一致' };
    return { order: { token: order.id, order_no: order.out_trade_no, title: '微信支付（模拟）', subject: order.description, amount_fen: order.total } };
  }

  function decide({ token = '', do: act }: Readonly<Record<string, string>>): { readonly problem?: string } {
    const order = world.tables.order.get(token);
    if (!order) return { problem: '订单不存在' };
    const { result, paid } = actOn(world, order, { do: act === 'pay' ? 'pay' : 'decline' });
    if (paid) onPaid(paid);
    return result.done ? {} : { problem: result.problem };
  }

  return {
    serve({ method, path, body, headers }) {
      const [place = '', query = ''] = path.split('?', 2);
      if (method === 'GET' && place === '/connect/oauth2/authorize') return authorize(new URLSearchParams(query), headers['user-agent'] ?? '');
      if (method === 'GET' && place === '/sns/oauth2/access_token') return exchange(new URLSearchParams(query));
      if (method === 'POST' && place === '/bridge/open') return json(open(JSON.parse(body)));
      if (method === 'POST' && place === '/bridge/decide') return json(decide(JSON.parse(body)));
      return undefined;
    },
  };
}

const json = (value: object): WireReply => ({ status: 200, headers: { 'Content-Type': 'application/json; charset=UTF-8' }, body: JSON.stringify(value) });
const error = (errcode: number, errmsg: string): WireReply => json({ errcode, errmsg: `${errmsg}, rid: heliu` });
const text = (status: number, body: string): WireReply => ({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body });
