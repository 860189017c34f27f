import { type CreateAttemptBody, type Method, methods, type Wallet } from '@heliu/contract';
import { cashier_ask_ms } from '../../kernel/limits.ts';
import { RefusalError } from '../../kernel/refusal.ts';
import { getMerchant } from '../../merchants/service.ts';
import type { Aggregate } from '../../payments/change.ts';
import { askNow, findPage, offeredMethods, tryFromPage } from '../../payments/checkout/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import { openRequest, seenBy } from '../../payments/service.ts';
import { checkoutUrl } from '../../payments/view.ts';
import { perNode } from '../../platform/cache.ts';
import { beginHop, endHop, identifyingAccount, knownPayer, type Payer, type Sitting } from '../payers/service.ts';
import { findSession } from '../sessions/service.ts';
import { type Session, sessionId } from '../sessions/session.ts';
import { returnUrlFor } from '../settings/return-url.ts';
import { getSettings } from '../settings/service.ts';
import type { Browser } from './browser.ts';
import { type Asked, plain_page, type View, viewOf } from './page.ts';
import type { Language } from './texts.ts';
import { type Ways, waysOf } from './ways.ts';

/** Somebody before a page: the payment that its address opens, and the browser that asks. */
export type Visit = {
  readonly ctx: PaymentsCtx;
  readonly aggregate: Aggregate;
  readonly browser: Browser;
  /** What this browser proves itself by: a random text that only it was given. */
  readonly cookie: string;
  readonly ip: string;
  /** The language that the payer chose on the page; it is taken along to the wallet and back. */
  readonly lang: Language | undefined;
};

/** The payment behind the end of an address; undefined for what was never given out. */
export const openPage = findPage;

export type Room = {
  readonly shop: { readonly name: string; readonly has_logo: boolean };
  readonly color: string | null;
  readonly session: Pick<Session, 'mode' | 'locale' | 'allowed_methods' | 'return_url'>;
  readonly return_hosts: readonly string[];
  readonly ways: Ways;
  readonly url: string;
  readonly return_url: string | undefined;
};

/** What stands around the payment: the shop, its settings, and the ways to pay that this browser has. */
export async function lookAround({ ctx, aggregate: { payment }, browser }: Pick<Visit, 'ctx' | 'aggregate' | 'browser'>): Promise<Room> {
  const [merchant, settings, session = plain_page] = await Promise.all([
    getMerchant(ctx, payment.merchant_id),
    getSettings(ctx, payment),
    findSession(ctx, payment.merchant_id, payment.id),
  ]);
  return {
    shop: { name: settings.display_name ?? merchant.name, has_logo: settings.logo_png !== null },
    color: settings.color,
    session,
    return_hosts: settings.return_hosts,
    ways: await waysTo(ctx, payment, { browser, session }),
    url: checkoutUrl(payment, seenBy(ctx, merchant)) ?? '',
    return_url: session.return_url === null ? undefined : returnUrlFor(session.return_url, sessionId(payment.id)),
  };
}

type Shop = Pick<Payment, 'merchant_id' | 'livemode'>;

/** The ways in which this browser can pay a shop: on the page of a payment, or before there is one. */
export async function waysTo(
  ctx: PaymentsCtx,
  shop: Shop,
  { browser, session = plain_page }: { readonly browser: Browser; readonly session?: Pick<Session, 'mode' | 'allowed_methods'> },
): Promise<Ways> {
  const offered = await offeredMethods(ctx, shop);
  // In the contract's order, the wallets of most payers first, whichever account was added first.
  const allowed = session.allowed_methods.length === 0 ? offered : session.allowed_methods;
  const available = (Object.keys(methods) as Method[]).filter((method) => offered.includes(method) && allowed.includes(method));
  return waysOf({ browser, mode: session.mode, available, identified: await walletsThatIdentify(ctx, shop, available) });
}

async function walletsThatIdentify(ctx: PaymentsCtx, shop: Shop, available: readonly Method[]): Promise<ReadonlySet<Wallet>> {
  const inside = available.filter((method) => methods[method].scene === 'jsapi');
  const found = await Promise.all(inside.map(async (method) => ((await identifyingAccount(ctx, shop, method)) ? methods[method].wallet : undefined)));
  return new Set(found.filter((wallet) => wallet !== undefined));
}

/** What the page shows now. Whoever comes back from a wallet makes us ask its gateway, so that the answer is soon there. */
export async function look(visit: Visit, room: Room, asked: Asked): Promise<{ readonly view: View; readonly aggregate: Aggregate }> {
  const { ctx } = visit;
  const aggregate = asked.back !== undefined && mayAsk(ctx, visit.aggregate) ? await askNow(ctx, visit.aggregate) : visit.aggregate;
  const bridged = room.ways.methods.find((method) => methods[method].scene === 'jsapi' && aggregate.attempts.some((attempt) => attempt.method === method));
  const payer = asked.go && bridged !== undefined ? await knownPayer(ctx, sittingOf(visit), bridged) : undefined;
  const isOwn = (attempt: Aggregate['attempts'][number]): boolean => {
    const { payer_id } = openRequest(ctx, attempt);
    return payer_id === undefined || payer_id === payer?.payer_id;
  };
  return { view: viewOf({ aggregate, browser: visit.browser, ways: room.ways, asked, isOwn, now: ctx.clock.now() }), aggregate };
}

/** Remembers on this node when a payment's channels were last asked because a payer came back. */
const askedOf = perNode(() => new Map<string, number>());
const asked_payments_max = 10_000;

function mayAsk(ctx: PaymentsCtx, { payment, attempts }: Aggregate): boolean {
  if (payment.state !== 'pending' || attempts.at(-1)?.state !== 'waiting') return false;
  const asked = askedOf(ctx);
  const now_ms = ctx.clock.monotonic_ms();
  if (now_ms - (asked.get(payment.id) ?? -cashier_ask_ms) < cashier_ask_ms) return false;
  asked.delete(payment.id);
  asked.set(payment.id, now_ms);
  if (asked.size > asked_payments_max) asked.delete(asked.keys().next().value as string);
  return true;
}

const sittingOf = ({ aggregate, cookie }: Visit): Sitting => ({ payment: aggregate.payment, browser: cookie });

/** Where the browser goes after a tap: to its wallet to say who it is, back to the page to go on, or back with a word. */
export type Next =
  | { readonly to: 'wallet'; readonly method: Method; readonly url: string }
  | { readonly to: 'page'; readonly query: 'go=1' | 'note=payer' | 'note=stale' | 'note=failed' | '' };

/**
 * A payer taps a button. What is paid, how much, to whom and by whom comes from Heliu alone: the form names one of the
 * methods that this page offered, and nothing else of it is read.
 */
export async function tap(visit: Visit, room: Room, method: string): Promise<Next> {
  const chosen = room.ways.methods.find((offered) => offered === method);
  if (chosen === undefined) return { to: 'page', query: 'note=stale' };
  if (visit.aggregate.payment.state !== 'pending') return { to: 'page', query: '' };
  if (methods[chosen].scene !== 'jsapi') return pay(visit, room, chosen, undefined);
  const payer = await knownPayer(visit.ctx, sittingOf(visit), chosen);
  if (payer) return pay(visit, room, chosen, payer);
  const url = await beginHop(visit.ctx, sittingOf(visit), chosen, `${room.url}/payer${visit.lang === undefined ? '' : `?lang=${visit.lang}`}`);
  return url === undefined ? { to: 'page', query: 'note=failed' } : { to: 'wallet', method: chosen, url };
}

/** The wallet sent the browser back: the tap that began it goes on, once. */
export async function comeBack(visit: Visit, room: Room, query: Readonly<Record<string, string>>): Promise<Next> {
  const returned = await endHop(visit.ctx, sittingOf(visit), query);
  if (returned.is !== 'payer') return { to: 'page', query: returned.is === 'refused' ? 'note=stale' : 'note=payer' };
  if (!room.ways.methods.includes(returned.method)) return { to: 'page', query: 'note=stale' };
  return pay(visit, room, returned.method, returned.payer);
}

async function pay({ ctx, aggregate, ip, lang }: Visit, room: Room, method: Method, payer: Payer | undefined): Promise<Next> {
  const body: CreateAttemptBody = {
    method,
    payer_ip: ip,
    return_url: `${room.url}?back=1${lang === undefined ? '' : `&lang=${lang}`}`,
    ...(payer === undefined ? {} : { payer_id: payer.payer_id, channel_account_id: payer.channel_account_id }),
    ...(payer?.app_id === undefined ? {} : { app_id: payer.app_id }),
  };
  try {
    const after = await tryFromPage(ctx, aggregate, body);
    // A refusal of the channel stands on the page, in the attempt's own words.
    return { to: 'page', query: after.attempts.at(-1)?.state === 'refused' ? '' : 'go=1' };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return { to: 'page', query: page_tells_itself.has(error.refusal.refused) ? '' : 'note=failed' };
  }
}

/** Refusals whose reason the page shows anyway. */
const page_tells_itself: ReadonlySet<string> = new Set(['payment_already_paid', 'payment_closed', 'payment_closing', 'payment_expired']);
