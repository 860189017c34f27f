import type { FastifyInstance, FastifyPluginCallback } from 'fastify';
import type { Simulator } from '../channels/kit/simulator.ts';

const cookie_form = /(?:^|;\s*)sim_wallet=([a-z0-9]{1,40})(?:;|$)/;

/**
 * Lets an ordinary browser be a wallet's: payers' pages are then asked for with the wallet's User-Agent and find its bridge
 * in them, so the same pages run as they would inside it. The choice is a cookie of this browser.
 */
export function walletView(simulators: readonly Simulator[]): FastifyPluginCallback {
  const browserOf = (channel: string | undefined) => simulators.find((simulator) => simulator.channel === channel)?.browser;
  const chosenBy = (cookie: string | undefined) => cookie_form.exec(cookie ?? '')?.[1];
  const view: FastifyPluginCallback = (app, _options, done) => {
    app.addHook('onRequest', (request, _reply, next) => {
      const browser = isVisited(request.url) ? browserOf(chosenBy(request.headers.cookie)) : undefined;
      if (browser) request.headers['user-agent'] = browser.user_agent;
      next();
    });
    app.addHook('onSend', (request, reply, payload, next) => {
      const channel = isPage(request.url) ? chosenBy(request.headers.cookie) : undefined;
      const is_page = typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html');
      if (!browserOf(channel) || !is_page) return next(null, payload);
      reply.header('content-security-policy', String(reply.getHeader('content-security-policy')).replace('script-src ', "script-src 'self' "));
      const page = payload.replace('</head>', `<script src="/sim/view/${channel}.js"></script></head>`);
      next(null, page);
    });
    routes(app);
    done();
  };
  // The pages stand beside this plugin, not inside it, so its hooks go to the whole server.
  return Object.assign(view, { [Symbol.for('skip-override')]: true });

  function routes(app: FastifyInstance): void {
    app.get<{ Params: { file: string } }>('/sim/view/:file', (request, reply) => {
      const browser = browserOf(/^([a-z0-9]+)\.js$/.exec(request.params.file)?.[1]);
      return browser ? reply.type('text/javascript; charset=utf-8').send(browser.script) : reply.callNotFound();
    });
    app.get<{ Querystring: { wallet?: unknown; to?: unknown } }>('/sim/view', (request, reply) => {
      const { wallet, to } = request.query;
      const chosen = typeof wallet === 'string' && browserOf(wallet) ? wallet : '';
      const path = typeof to === 'string' && /^\/c\/(p\/)?[0-9A-Z]+$/.test(to) ? to : undefined;
      reply.header('set-cookie', `sim_wallet=${chosen}; Path=/; HttpOnly; SameSite=Lax${chosen === '' ? '; Max-Age=0' : ''}`);
      return reply.redirect(path ?? '/sim/wallet', 303);
    });
  }
}

const isPage = (url: string): boolean => url.startsWith('/c/');
/** Where the wallet's browser goes: our pages, and the wallet's own sign-in. */
const isVisited = (url: string): boolean => isPage(url) || url.startsWith('/sim/');
