import type { FastifyInstance } from 'fastify';
import type { Rng } from '../../../kernel/rng.ts';
import type { Clock } from '../../../kernel/time.ts';
import type { ActResult, PayerAct } from '../../kit/simulator.ts';
import type { Handed } from '../../kit/wallet-browser.ts';
import { type Content, text } from './content.ts';
import type { Ledger, Trade } from './ledger.ts';
import { failure, type Outcome, success } from './outcome.ts';
import { type Caller, wallet_user } from './trades.ts';

type Parts = { readonly clock: Clock; readonly rng: Rng; readonly ledger: Ledger; readonly act: (trade: Trade, act: PayerAct) => ActResult };

const code_ms = 24 * 3_600_000;

/** The one API whose parameters stand beside the common ones, and whose success has no code. */
export const token_api = 'alipay.system.oauth.token';

/** The payer's side of pages inside Alipay: silent sign-in, the exchange of its codes, and the sheet that a page's bridge opens. */
export function createWallet({ clock, rng, ledger, act }: Parts) {
  const codes = new Map<string, { readonly app_id: string; readonly made_ms: number; used: boolean }>();
  const knows = (app_id: string): boolean => ledger.apps.has(app_id) || [...ledger.authorisations.values()].some(({ auth_app_id }) => auth_app_id === app_id);

  function exchange(caller: Caller, content: Content): Outcome {
    if (text(content, 'grant_type', 32) !== 'authorization_code') return failure('40002', 'isv.grant-type-invalid', 'grant_type参数不正确');
    const held = codes.get(text(content, 'code', 64));
    if (!held || held.used || held.app_id !== caller.auth_app_id || clock.now().getTime() - held.made_ms > code_ms) {
      return failure('40002', 'isv.code-invalid', '授权码code无效');
    }
    held.used = true;
    const [access_token, refresh_token] = [rng.bytes(20).toString('hex'), rng.bytes(20).toString('hex')];
    return success({ access_token, refresh_token, user_id: wallet_user.buyer_user_id, expires_in: 1_296_000, re_expires_in: 2_592_000 });
  }

  /** The wallet checks what a page hands it before it shows anything. */
  function open({ tradeNO }: Readonly<Record<string, string>>): Handed {
    const trade = ledger.trades().find(({ trade_no }) => trade_no !== undefined && trade_no === tradeNO);
    if (!trade) return { problem: '交易不存在' };
    if (trade.buyer.buyer_id !== undefined && trade.buyer.buyer_id !== wallet_user.buyer_user_id) return { problem: '交易买家不匹配' };
    return { order: { token: trade.token, order_no: trade.out_trade_no, title: '支付宝（模拟）', subject: trade.subject, amount_fen: trade.amount_fen } };
  }

  function decide({ token = '', do: does }: Readonly<Record<string, string>>): { readonly problem?: string } {
    const trade = ledger.findByToken(token);
    if (!trade) return { problem: '交易不存在' };
    const result = act(trade, { do: does === 'pay' ? 'pay' : 'decline' });
    return result.done ? {} : { problem: result.problem };
  }

  function routes(server: FastifyInstance): void {
    server.get<{ Querystring: Record<string, string> }>('/oauth2/publicAppAuthorize.htm', (request, reply) => {
      const { app_id = '', redirect_uri = '', scope = '', state = '' } = request.query;
      if (!/AlipayClient/.test(request.headers['user-agent'] ?? '')) return reply.type('text/html; charset=utf-8').send('<p>请在支付宝内打开</p>');
      if (!knows(app_id) || scope !== 'auth_base' || !URL.canParse(redirect_uri))
        return reply.code(400).type('text/html; charset=utf-8').send('<p>参数错误</p>');
      const auth_code = rng.bytes(16).toString('hex');
      codes.set(auth_code, { app_id, made_ms: clock.now().getTime(), used: false });
      const back = new URL(redirect_uri);
      for (const [name, value] of Object.entries({ app_id, source: 'alipay_wallet', scope, auth_code, state })) back.searchParams.set(name, value);
      return reply.redirect(back.href, 302);
    });
    const json = (body: unknown): Record<string, string> => JSON.parse((body as Buffer).toString('utf8'));
    server.post('/bridge/open', (request, reply) => reply.send(open(json(request.body))));
    server.post('/bridge/decide', (request, reply) => reply.send(decide(json(request.body))));
  }

  return { exchange, routes };
}
