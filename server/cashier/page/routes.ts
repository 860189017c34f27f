import { readFileSync } from 'node:fs';
import { errors, errorText } from '@heliu/contract';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { createRateLimit } from '../../access/rate-limit.ts';
import { assert } from '../../kernel/assert.ts';
import { newToken } from '../../kernel/id.ts';
import {
  amount_fen_max,
  cashier_form_bytes_max,
  cashier_return_bytes_max,
  cashier_visitors_max,
  cashier_visits_burst,
  cashier_visits_per_ip_burst,
  cashier_visits_per_ip_per_s,
  cashier_visits_per_s,
} from '../../kernel/limits.ts';
import { fenToNumber, parseYuan, toFen } from '../../kernel/money.ts';
import { RefusalError } from '../../kernel/refusal.ts';
import { getMerchant } from '../../merchants/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import { refusalOf } from '../../platform/http/errors.ts';
import { type DrawnReceipt, renderReceipt } from '../help/receipts/draw.ts';
import { receiptPages } from '../help/receipts/routes.ts';
import { receiptLink } from '../help/service.ts';
import { openPlate, openTap } from '../plates/taps/service.ts';
import { getSettings } from '../settings/service.ts';
import { createWatch } from '../watch/service.ts';
import { type Assets, contentSecurityPolicy, themeOf } from './assets.ts';
import { readBrowser } from './browser.ts';
import { isOwnForm, readCookie, writeCookie } from './guard.ts';
import { stampOf, type View } from './page.ts';
import { qrOf } from './qr.ts';
import { type DrawnPlate, renderMessage, renderPage, renderPlate } from './render.ts';
import { comeBack, look, lookAround, type Next, openPage, type Room, tap, type Visit, waysTo } from './service.ts';
import { chosenLanguage, type Language, languageOf, type TextKey, text } from './texts.ts';

const folder = new URL('../../../web/cashier/', import.meta.url);
const readAsset = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

type ByAddress = { readonly Params: { readonly address: string }; readonly Querystring: Readonly<Record<string, unknown>> };
type Request = FastifyRequest<ByAddress>;

const notices: Readonly<Record<string, TextKey>> = { payer: 'notice_payer', stale: 'notice_stale', failed: 'notice_failed' };

/** `/c/:address`: the payer's pages. Whoever has the address sees and pays one order; there is nothing else to see. */
export const cashierPages =
  (ctx: PaymentsCtx): FastifyPluginAsync =>
  (scope) => {
    const assets: Assets = { style: readAsset('cashier.css'), script: readAsset('cashier.js') };
    const watch = createWatch(ctx);
    const pages = pagesOf(ctx, assets);
    guard(ctx, scope, pages);

    scope.get<ByAddress>('/c/:address', (request, reply) =>
      visited(request, reply, async (visit) => {
        const room = await lookAround(visit);
        const { go, back, note } = request.query;
        const asked = { go: go === '1', back: back === '1' || back === 'cancel' ? back : undefined } as const;
        const seen = await look(visit, room, asked);
        const told = back === 'cancel' ? 'notice_cancelled' : typeof note === 'string' ? notices[note] : undefined;
        return pages.draw(request, reply, { visit: { ...visit, aggregate: seen.aggregate }, room, view: seen.view, notice: told });
      }),
    );
    // Some gateways send the browser back with a form. It proves nothing and is not read: the page asks the gateway itself.
    scope.post<ByAddress>('/c/:address', { bodyLimit: cashier_return_bytes_max }, (request, reply) =>
      visited(request, reply, ({ lang }) => reply.redirect(`/c/${request.params.address}?back=1${lang === undefined ? '' : `&lang=${lang}`}`, 303)),
    );
    scope.post<ByAddress>('/c/:address/pay', (request, reply) =>
      visited(request, reply, async (visit) => {
        const room = await lookAround(visit);
        const { origin, 'sec-fetch-site': fetch_site } = request.headers;
        const own = isOwnForm({ origin, fetch_site: typeof fetch_site === 'string' ? fetch_site : undefined }, ctx.config.public_url);
        const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
        const lang = chosenLanguage(form.get('lang'));
        const next: Next = own ? await tap({ ...visit, lang }, room, form.get('method') ?? '') : { to: 'page', query: 'note=stale' };
        reply.header('set-cookie', writeCookie(visit.cookie, pathOf(room), ctx.config.public_url.startsWith('https:')));
        return pages.goOn(request, reply, { visit: { ...visit, lang }, room, next });
      }),
    );
    scope.get<ByAddress>('/c/:address/payer', (request, reply) =>
      visited(request, reply, async (visit) => {
        const room = await lookAround(visit);
        const query = Object.fromEntries(Object.entries(request.query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
        return pages.goOn(request, reply, { visit, room, next: await comeBack(visit, room, query) });
      }),
    );
    scope.get<ByAddress>('/c/:address/status', (request, reply) =>
      visited(request, reply, ({ aggregate }) => reply.send({ stamp: stampOf(aggregate.payment) })),
    );
    scope.get<ByAddress>('/c/:address/events', { config: { long_lived: true } }, (request, reply) =>
      visited(request, reply, ({ aggregate }) => {
        const stream = watch.open(aggregate.payment);
        // No content tells a browser not to come back; the page asks by itself then.
        return stream ? reply.header('x-accel-buffering', 'no').type('text/event-stream; charset=utf-8').send(stream) : reply.code(204).send();
      }),
    );
    scope.get<ByAddress>('/c/:address/logo', (request, reply) =>
      visited(request, reply, async ({ aggregate }) => {
        const { logo_png } = await getSettings(ctx, aggregate.payment);
        return logo_png ? sendLogo(reply, logo_png) : pages.lost(request, reply);
      }),
    );
    platePages(ctx, scope, pages);
    receiptPages(ctx, scope, {
      sendLogo,
      drawReceipt: (reply, language, color, receipt) => pages.drawReceipt(reply, language, color, receipt),
      lost: (request, reply) => pages.lost(request as unknown as Request, reply),
      languageOf: (request, typed) => pages.languageFor(request as unknown as Request, 'auto', chosenLanguage(typed)),
      isOwn: ({ headers: { origin, 'sec-fetch-site': site } }) =>
        isOwnForm({ origin, fetch_site: typeof site === 'string' ? site : undefined }, ctx.config.public_url),
      shopName: async (merchant_id, display_name) => display_name ?? (await getMerchant(ctx, merchant_id)).name,
    });
    // Open streams would keep the server from stopping.
    scope.addHook('preClose', (done) => {
      watch.close();
      done();
    });

    /** Opens the page for a visitor, or tells that there is none: an address that was never given out and one of another form look alike. */
    async function visited(request: Request, reply: FastifyReply, then: (visit: Visit) => FastifyReply | Promise<FastifyReply>): Promise<FastifyReply> {
      const aggregate = await openPage(ctx, request.params.address);
      if (!aggregate) return pages.lost(request, reply);
      const cookie = readCookie(request.headers.cookie) ?? newToken(ctx.rng);
      const lang = chosenLanguage(request.query.lang);
      return then({ ctx, aggregate, browser: readBrowser(request.headers['user-agent']), cookie, ip: request.ip.replace(/^::ffff:/, ''), lang });
    }
    return Promise.resolve();
  };

const sendLogo = (reply: FastifyReply, logo_png: Buffer): FastifyReply =>
  reply.header('cache-control', 'private, max-age=3600').type('image/png').send(logo_png);

const pathOf = ({ url }: Pick<Room, 'url'>): string => url.slice(url.lastIndexOf('/c/'));

/** Limits, parsers and errors of the scope. */
function guard(ctx: PaymentsCtx, scope: FastifyInstance, pages: ReturnType<typeof pagesOf>): void {
  const names_max = cashier_visitors_max;
  const of_page = createRateLimit({ rate_per_s: cashier_visits_per_s, burst: cashier_visits_burst, names_max });
  const of_ip = createRateLimit({ rate_per_s: cashier_visits_per_ip_per_s, burst: cashier_visits_per_ip_burst, names_max });
  scope.addHook('onRequest', async (request, reply) => {
    const now_ms = ctx.clock.monotonic_ms();
    // Each page has its own visits: those of one plate, or of all plates together, keep nobody from another.
    const { address, code } = request.params as { address?: string; code?: string };
    const { t } = request.query as { t?: unknown };
    const page = address ?? code ?? (typeof t === 'string' ? t : '');
    const wait_ms = of_ip.take(request.ip, now_ms) || of_page.take(page.slice(-40), now_ms);
    if (wait_ms > 0) await pages.tell(request as Request, reply.code(429).header('retry-after', String(Math.ceil(wait_ms / 1000))), 'busy_title', 'busy');
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: cashier_form_bytes_max }, (_request, body, done) =>
    done(null, body),
  );
  scope.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal) return pages.tell(request as Request, reply.code(400), 'busy_title', 'notice_stale');
    ctx.log.error({ request_id: request.id, route: request.routeOptions.url, error: error instanceof Error ? error : new Error(String(error)) }, 'page failed');
    return pages.tell(request as Request, reply.code(500), 'busy_title', 'broken');
  });
}

type ByCode = { readonly Params: { readonly code: string }; readonly Querystring: Readonly<Record<string, unknown>> };

/** `/c/p/:code`: what a printed code opens. One press after the amount: the wallet that scanned is asked at once. */
function platePages(ctx: PaymentsCtx, scope: FastifyInstance, pages: ReturnType<typeof pagesOf>): void {
  type PlateRequest = FastifyRequest<ByCode>;
  type Typed = { readonly amount: string; readonly remark: string; readonly tap: string; readonly lang: Language | undefined };
  const draw = async (request: PlateRequest, reply: FastifyReply, typed: Typed, problem?: string) => {
    const { code } = request.params;
    const open = await openPlate(ctx, { code, address: request.ip });
    const browser = readBrowser(request.headers['user-agent']);
    const [{ display_name, color, logo_png }, ways] = await Promise.all([getSettings(ctx, open), waysTo(ctx, open, { browser })]);
    return pages.drawPlate(request as unknown as Request, reply, {
      path: `/c/p/${code}`,
      shop: { name: display_name ?? open.merchant_name, has_logo: logo_png !== null },
      color,
      livemode: open.livemode,
      store_name: open.store_name,
      fixed_amount_fen: open.fixed_amount_fen === undefined ? undefined : toFen(open.fixed_amount_fen),
      remark: open.remark,
      tap: typed.tap,
      typed,
      problem,
      ways,
      lang: typed.lang,
    });
  };
  const refused = (request: PlateRequest, reply: FastifyReply, error: unknown): FastifyReply => {
    if (!(error instanceof RefusalError)) throw error;
    const off = ({ rate_limited: 'busy', plate_not_bound: 'plate_stock' } as const)[error.refusal.refused as string] ?? 'lost';
    return pages.tell(request as unknown as Request, reply.code(errors[error.refusal.refused].status), `${off}_title`, off);
  };
  scope.get<ByCode>('/c/p/:code', (request, reply) =>
    draw(request, reply, { amount: '', remark: '', tap: newToken(ctx.rng), lang: undefined }).catch((error: unknown) => refused(request, reply, error)),
  );
  scope.get<ByCode>('/c/p/:code/logo', async (request, reply) => {
    try {
      const { logo_png } = await getSettings(ctx, await openPlate(ctx, { code: request.params.code, address: request.ip }));
      return logo_png ? sendLogo(reply, logo_png) : pages.lost(request as unknown as Request, reply);
    } catch (error) {
      return refused(request, reply, error);
    }
  });
  scope.post<ByCode>('/c/p/:code', async (request, reply) => {
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
    const [amount, remark, tap_id] = [form.get('amount') ?? '', form.get('remark') ?? '', form.get('tap') ?? ''];
    const { code } = request.params;
    const lang = chosenLanguage(form.get('lang'));
    const language = pages.languageFor(request as unknown as Request, 'auto', lang);
    try {
      const { origin, 'sec-fetch-site': fetch_site } = request.headers;
      const own = isOwnForm({ origin, fetch_site: typeof fetch_site === 'string' ? fetch_site : undefined }, ctx.config.public_url);
      const open = await openPlate(ctx, { code, address: request.ip });
      const amount_fen = open.fixed_amount_fen === undefined ? parseYuan(amount) : toFen(open.fixed_amount_fen);
      const again = { amount, remark, tap: newToken(ctx.rng), lang };
      if (!own) return await draw(request, reply, again, text(language, 'notice_stale'));
      if (amount_fen === undefined || amount_fen <= 0n || amount_fen > amount_fen_max)
        return await draw(request, reply, again, text(language, 'plate_wrong_amount'));
      const wanted = { code, address: request.ip, tap: tap_id, amount_fen: fenToNumber(amount_fen), ...(remark === '' ? {} : { remark }) };
      const opened = await openTap(ctx, wanted).catch((error: unknown) => error);
      if (opened instanceof RefusalError) {
        const { refused: why, facts } = opened.refusal;
        const said = errorText(why, facts);
        return await draw(request, reply, again, language === 'zh' ? said.message_zh : said.message);
      }
      if (opened instanceof Error) throw opened;
      return await goToWallet(ctx, request as unknown as Request, reply, pages, { payment: opened as Payment, lang });
    } catch (error) {
      return refused(request, reply, error);
    }
  });
}

/** From the plate's page straight on: inside a wallet the payer has said all there is to say. */
async function goToWallet(
  ctx: PaymentsCtx,
  request: Request,
  reply: FastifyReply,
  pages: ReturnType<typeof pagesOf>,
  { payment, lang }: { readonly payment: Payment; readonly lang: Language | undefined },
): Promise<FastifyReply> {
  const browser = readBrowser(request.headers['user-agent']);
  const room = await lookAround({ ctx, aggregate: { payment, attempts: [] }, browser });
  // A second press finds the payment of the first, with whatever was tried meanwhile.
  const aggregate = await openPage(ctx, room.url.slice(room.url.lastIndexOf('/') + 1));
  assert(aggregate, 'a payment that was made has its page');
  const visit: Visit = { ctx, aggregate, browser, cookie: newToken(ctx.rng), ip: request.ip.replace(/^::ffff:/, ''), lang };
  const [method] = room.ways.methods;
  const next: Next = method !== undefined && visit.browser.wallet !== undefined ? await tap(visit, room, method) : { to: 'page', query: '' };
  reply.header('set-cookie', writeCookie(visit.cookie, pathOf(room), ctx.config.public_url.startsWith('https:')));
  return pages.goOn(request, reply, { visit, room, next });
}

type Shown = { readonly visit: Visit; readonly room: Room; readonly view: View; readonly notice: TextKey | undefined };
type Following = { readonly visit: Visit; readonly room: Room; readonly next: Next };

/** How pages are drawn and sent. */
function pagesOf(ctx: PaymentsCtx, assets: Assets) {
  const languageFor = (request: Request, session: 'auto' | Language, chosen?: Language): Language =>
    languageOf({ asked: chosen ?? request.query.lang, session, accepted: request.headers['accept-language'] });

  function send(reply: FastifyReply, input: { theme: string; form_origins?: readonly string[]; framed_by?: readonly string[] }, body: string): FastifyReply {
    const { theme, form_origins = [], framed_by = [] } = input;
    if (framed_by.length > 0) reply.removeHeader('x-frame-options');
    return reply
      .headers({
        'content-security-policy': contentSecurityPolicy({ assets, theme, form_origins, framed_by }),
        // WeChat's web page refuses payers who come from nowhere: it is told our host, and never the address of the page.
        'referrer-policy': 'strict-origin',
        vary: 'user-agent, accept-language, cookie',
      })
      .type('text/html; charset=utf-8')
      .send(body);
  }

  function draw(request: Request, reply: FastifyReply, { visit, room, view, notice }: Shown): FastifyReply {
    const { payment } = visit.aggregate;
    const theme = themeOf(room.color);
    const action = view.is === 'act' ? view.action : undefined;
    const shown_code = view.is === 'choose' && room.ways.shows_code ? room.url : action?.type === 'show_qr' ? action.qr_content : undefined;
    const body = renderPage({
      language: languageFor(request, room.session.locale, visit.lang),
      keeps_language: visit.lang !== undefined,
      path: pathOf(room),
      assets,
      theme,
      shop: room.shop,
      livemode: payment.livemode,
      order_no: payment.merchant_order_no,
      subject: payment.subject,
      amount_fen: payment.amount_fen,
      left_s: Math.max(0, Math.ceil((payment.expires_at.getTime() - ctx.clock.now().getTime()) / 1000)),
      stamp: stampOf(payment),
      view,
      notice,
      qr: shown_code === undefined ? undefined : qrOf(shown_code),
      return_url: room.return_url,
      receipt_url:
        view.is === 'paid' || view.is === 'closed' ? receiptLink(ctx, payment).url + (visit.lang === undefined ? '' : `&lang=${visit.lang}`) : undefined,
      returns_by_itself: room.session.mode === 'web',
    });
    const form_origins = action?.type === 'submit_form' ? [new URL(action.url).origin] : [];
    const framed_by = room.session.mode === 'embedded' ? framers(room.return_hosts, payment.livemode) : [];
    return send(reply, { theme, form_origins, framed_by }, body);
  }

  /** Page after form: loading it again sends nothing again. The way to a wallet is a page too, so that a form never leads off our host. */
  function goOn(request: Request, reply: FastifyReply, { visit, room, next }: Following): FastifyReply {
    if (next.to === 'wallet') return draw(request, reply, { visit, room, view: { is: 'hop', method: next.method, url: next.url }, notice: undefined });
    const lang = visit.lang === undefined ? '' : `lang=${visit.lang}`;
    const query = [next.query, lang].filter((part) => part !== '').join('&');
    return reply.redirect(query === '' ? pathOf(room) : `${pathOf(room)}?${query}`, 303);
  }

  function tell(request: Request, reply: FastifyReply, title: TextKey, message: TextKey): FastifyReply {
    const theme = themeOf(null);
    return send(reply, { theme }, renderMessage({ language: languageFor(request, 'auto'), assets, theme, path: '', title, message }));
  }

  function drawPlate(
    request: Request,
    reply: FastifyReply,
    {
      color,
      lang = chosenLanguage(request.query.lang),
      ...plate
    }: Omit<DrawnPlate, 'assets' | 'theme' | 'language' | 'keeps_language'> & { readonly color: string | null; readonly lang: Language | undefined },
  ): FastifyReply {
    const theme = themeOf(color);
    return send(reply, { theme }, renderPlate({ ...plate, assets, theme, language: languageFor(request, 'auto', lang), keeps_language: lang !== undefined }));
  }

  function drawReceipt(
    reply: FastifyReply,
    language: Language,
    color: string | null,
    receipt: Omit<DrawnReceipt, 'assets' | 'theme' | 'language'>,
  ): FastifyReply {
    const theme = themeOf(color);
    return send(reply, { theme }, renderReceipt({ ...receipt, assets, theme, language }));
  }

  return {
    draw,
    drawPlate,
    drawReceipt,
    goOn,
    tell,
    languageFor,
    lost: (request: Request, reply: FastifyReply) => tell(request, reply.code(404), 'lost_title', 'lost'),
  };
}

/** Registered hosts over https; in test mode this machine too. */
const framers = (hosts: readonly string[], livemode: boolean): string[] => [
  ...hosts.map((host) => `https://${host}`),
  ...(livemode ? [] : ['http://localhost:*', 'http://127.0.0.1:*']),
];
