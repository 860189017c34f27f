import { type Method, methods, refusal_reasons, type Wallet, walletEntry } from '@heliu/contract';
import { type Fen, formatYuan } from '../../kernel/money.ts';
import { type Html, html } from '../../platform/http/html.ts';
import type { Assets } from './assets.ts';
import type { View } from './page.ts';
import type { Qr } from './qr.ts';
import { type Language, type TextKey, text } from './texts.ts';
import { isUnsupported, type Ways } from './ways.ts';

/** Everything that a page is drawn from. */
export type Drawn = {
  readonly language: Language;
  /** The address asked for this language, so that the page keeps it. */
  readonly keeps_language: boolean;
  readonly path: string;
  readonly assets: Assets;
  readonly theme: string;
  readonly shop: { readonly name: string; readonly has_logo: boolean };
  readonly livemode: boolean;
  readonly order_no: string;
  readonly subject: string;
  readonly amount_fen: Fen;
  readonly left_s: number;
  readonly stamp: string;
  readonly view: View;
  readonly notice: TextKey | undefined;
  /** Of the page's own address, or of a wallet's code. */
  readonly qr: Qr | undefined;
  /** Where the payer goes once all is over. */
  readonly return_url: string | undefined;
  /** The payer's receipt, once there is something to keep. */
  readonly receipt_url: string | undefined;
  /** A browser that was sent here goes back by itself; one that scanned a code stays. */
  readonly returns_by_itself: boolean;
};

/** What stands around every page. */
export type Frame = Pick<Drawn, 'language' | 'keeps_language' | 'assets' | 'theme' | 'shop' | 'livemode' | 'path'>;

export type Say = (key: TextKey, facts?: Readonly<Record<string, string>>) => string;

/** A text that was written by us, as it stands: the style and the script of the page. */
const raw = (content: string): Html => ({ html: content });

export function renderPage(page: Drawn): string {
  const { language, view } = page;
  const say: Say = (key, facts) => text(language, key, facts);
  const watches = view.is === 'act' || view.is === 'hop' ? 'state' : view.is === 'paid' || view.is === 'closed' ? undefined : 'all';
  const stamp = watches === 'state' ? page.stamp.split('.')[0] : page.stamp;
  const action = actionOf(view);
  const back = view.is === 'paid' && page.returns_by_itself ? page.return_url : undefined;
  const attributes = html`data-stamp="${stamp}"${watches && html` data-watch="${watches}"`}${page.keeps_language && html` data-lang="${language}"`}${
    view.is === 'wait' && html` data-keep="go=1"`
  }${view.is === 'confirm' && html` data-keep="back=1"`}${action !== undefined && html` data-action="${action}"`}${back !== undefined && html` data-back="${back}"`}`;
  return frame(page, attributes, html`<div class="card">${order(page, say)}${body(page, say)}</div>`).html;
}

/** What the script does at once. A form's fields stand in the form; a code is only looked at. */
function actionOf(view: View): string | undefined {
  if (view.is === 'hop') return JSON.stringify({ type: 'hop', url: view.url });
  if (view.is !== 'act' || view.action.type === 'show_qr') return undefined;
  return JSON.stringify(view.action.type === 'submit_form' ? { type: view.action.type } : view.action);
}

export function frame(page: Omit<Frame, 'keeps_language'>, attributes: Html, content: Html): Html {
  const { language, shop } = page;
  const [path, query] = page.path.split('?', 2);
  const say: Say = (key, facts) => text(language, key, facts);
  const other = language === 'zh' ? 'en' : 'zh';
  const mark = shop.has_logo
    ? html`<img src="${path}/logo${query && `?${query}`}" alt="" width="40" height="40">`
    : html`<span class="mark" aria-hidden="true">${[...shop.name][0] ?? ''}</span>`;
  return html`<!doctype html>
<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><meta name="format-detection" content="telephone=no"><title>${say('title')} · ${shop.name}</title><link rel="icon" href="data:,"><style>${raw(page.assets.style)}</style><style>${raw(page.theme)}</style></head>
<body ${attributes}>${!page.livemode && html`<p class="test">${say('test_mode')}</p>`}
<header class="top">${mark}<span class="shop">${shop.name}</span><a class="lang" lang="${other === 'zh' ? 'zh-CN' : 'en'}" hreflang="${other}" href="${path}?${query && `${query}&`}lang=${other}">${say('language')}</a></header>
<main>${content}</main>
<footer>Heliu 合流</footer>
<script>${raw(page.assets.script)}</script></body></html>
`;
}

export const yuan = (amount: Fen): Html => html`<small>¥</small>${grouped(formatYuan(amount))}`;

/** 12345.60 → 12,345.60 */
const grouped = (amount: string): string => amount.replace(/\B(?=(\d{3})+(?!\d))/g, (_, __, at: number) => (at < amount.indexOf('.') ? ',' : ''));

function order({ subject, amount_fen, view, left_s }: Drawn, say: Say): Html {
  if (view.is === 'paid') {
    return html`<p class="big good" aria-hidden="true">✓</p><h1 tabindex="-1" class="good">${say('paid')}</h1><p class="sum"><span class="unseen">${say('paid_amount')} </span>${yuan(view.paid_fen)}</p><p class="subject">${subject}</p>`;
  }
  if (view.is === 'closed') {
    return html`<p class="big" aria-hidden="true">×</p><h1 tabindex="-1">${say(`closed_${view.reason}`)}</h1><p class="sum">${yuan(amount_fen)}</p><p class="subject">${subject}</p><p>${say('closed_more')}</p>`;
  }
  const counts = view.is !== 'closing' && left_s > 0;
  return html`<p class="subject">${subject}</p><p class="sum"><span class="unseen">${say('amount')} </span>${yuan(amount_fen)}</p>${
    counts && html`<p class="left">${say('left')} <b id="left" data-s="${left_s}" role="timer">${clock(left_s)}</b></p>`
  }`;
}

function clock(left_s: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(left_s / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor((left_s % 3600) / 60))}:${two(left_s % 60)}`;
}

function body(page: Drawn, say: Say): Html {
  const { view, notice } = page;
  return html`<div aria-live="polite">${notice !== undefined && html`<p class="say bad">${say(notice)}</p>`}${view.is === 'choose' && refusal(view, page.language, say)}</div>${content(page, say)}${details(page, say)}`;
}

function refusal({ refused }: View & { is: 'choose' }, language: Language, say: Say): Html | undefined {
  return refused && html`<p class="say bad">${say('refused')}${refusal_reasons[refused][language === 'zh' ? 1 : 0]}</p>`;
}

function content(page: Drawn, say: Say): Html | undefined {
  const { view } = page;
  switch (view.is) {
    case 'choose':
      return choose(page, view, say);
    case 'act':
      return act(page, view, say);
    case 'hop':
      return act(page, { is: 'act', method: view.method, action: { type: 'redirect', url: view.url } }, say);
    case 'confirm':
      return html`<div class="spin" aria-hidden="true"></div><h1 tabindex="-1">${say('confirming')}</h1><p class="subject">${say('confirming_more')}</p><p><a class="plain" href="${self(page)}">${say('not_paid_yet')}</a></p>`;
    case 'wait':
    case 'closing':
      return html`<div class="spin" aria-hidden="true"></div><h1 tabindex="-1">${say(view.is === 'wait' ? 'waiting' : 'closing')}</h1>`;
    case 'unsupported':
      return unsupported(view.ways, page.language);
    case 'paid':
    case 'closed':
      return html`${page.return_url !== undefined && html`<p><a class="button main" rel="noreferrer" href="${page.return_url}">${say('back_to_shop')}</a></p>`}${
        page.receipt_url !== undefined && html`<p><a class="plain" href="${page.receipt_url}">${say('receipt_link')}</a></p>`
      }`;
  }
}

/** This app cannot pay: which ones can. */
const unsupported = ({ scanned_by }: Ways, language: Language): Html =>
  html`<h1 tabindex="-1">${text(language, 'unsupported')}</h1>${
    scanned_by.length === 0
      ? html`<p>${text(language, 'unsupported_none')}</p>`
      : html`<p>${text(language, 'unsupported_more')}</p>${walletList(scanned_by, language)}`
  }`;

const self = ({ path, keeps_language, language }: Drawn): string => (keeps_language ? `${path}?lang=${language}` : path);

const walletName = (wallet: Wallet, language: Language): string => walletEntry(wallet)[language];

/** A button's words: a wallet's page is paid on at once, a web page is called what it is, and a wallet is named. */
function wayName(method: Method, { language }: Drawn, say: Say): string {
  const { scene, wallet } = methods[method];
  if (scene === 'jsapi') return say('pay_now');
  if (scene !== 'qr' && scene !== 'h5') return methods[method][language];
  const name = walletName(wallet, language);
  // 京东支付 is a name that says it already.
  return scene === 'h5' && name.endsWith('支付') ? name : say(`way_${scene}`, { wallet: name });
}

const walletList = (wallets: Ways['scanned_by'], language: Language): Html =>
  html`<ul class="wallets">${wallets.map((wallet) => html`<li>${walletName(wallet, language)}</li>`)}</ul>`;

function choose(page: Drawn, { ways, scanned }: View & { is: 'choose' }, say: Say): Html {
  const code = page.qr
    ? html`<h1>${say(scanned ? 'scanned' : 'scan')}</h1>${drawing(page.qr, say('scan_alt'))}${walletList(ways.scanned_by, page.language)}`
    : undefined;
  const first_is_main = code === undefined;
  const buttons = ways.methods.map((method, at) => {
    return html`<form method="post" action="${page.path}/pay"><input type="hidden" name="method" value="${method}">${
      page.keeps_language && html`<input type="hidden" name="lang" value="${page.language}">`
    }<button class="button${first_is_main && at === 0 && ' main'}" type="submit">${wayName(method, page, say)}</button></form>`;
  });
  return html`${code}${buttons.length > 0 && code !== undefined && html`<h2>${say('choose')}</h2>`}${buttons}`;
}

function act(page: Drawn, { method, action }: View & { is: 'act' }, say: Say): Html {
  const wallet = walletName(methods[method].wallet, page.language);
  const again_later = html`<p><a class="plain" href="${self(page)}">${say('not_paid_yet')}</a></p>`;
  if (action.type === 'show_qr')
    return html`<h1 tabindex="-1">${say('scan_own', { wallet })}</h1>${page.qr && drawing(page.qr, say('scan_alt'))}${again_later}`;
  const heading = html`<div class="spin" aria-hidden="true"></div><h1 tabindex="-1">${say('opening', { wallet })}</h1>`;
  if (action.type === 'redirect') return html`${heading}<a class="button main" href="${action.url}">${say('go_on')}</a>${again_later}`;
  if (action.type === 'submit_form') {
    const inputs = Object.entries(action.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
    return html`${heading}<form id="out" method="post" action="${action.url}">${inputs}<button class="button main" type="submit">${say('go_on')}</button></form>${again_later}`;
  }
  return html`${heading}<button class="button main" id="again" type="button">${say('go_on')}</button>${again_later}`;
}

const drawing = ({ side, path }: Qr, label: string): Html =>
  html`<svg class="qr" role="img" aria-label="${label}" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${side}v${side}H0z"/><path fill="#000" d="${path}"/></svg>`;

const details = ({ shop, order_no }: Drawn, say: Say): Html =>
  html`<dl><dt>${say('pay_to')}</dt><dd>${shop.name}</dd><dt>${say('order_no')}</dt><dd>${order_no}</dd></dl>`;

export type DrawnPlate = Frame & {
  readonly store_name: string;
  readonly fixed_amount_fen: Fen | undefined;
  readonly remark: 'none' | 'optional' | 'required';
  /** Makes a second press the same payment. */
  readonly tap: string;
  readonly typed: { readonly amount: string; readonly remark: string };
  readonly problem: string | undefined;
  readonly ways: Ways;
};

/** A plate's page: the shop, the amount, and one press. Whoever cannot pay in this app is told before they type. */
export function renderPlate(page: DrawnPlate): string {
  const { language, store_name, fixed_amount_fen, remark, tap, typed, problem, path } = page;
  const say: Say = (key, facts) => text(language, key, facts);
  const amount =
    fixed_amount_fen === undefined
      ? html`<label for="amount">${say('plate_amount')}</label><input id="amount" name="amount" inputmode="decimal" autocomplete="off" maxlength="12" required autofocus value="${typed.amount}" pattern="[0-9]{1,9}([.][0-9]{1,2})?"${problem !== undefined && html` aria-describedby="problem"`}>`
      : html`<p class="sum"><span class="unseen">${say('amount')} </span>${yuan(fixed_amount_fen)}</p>`;
  const remarks =
    remark !== 'none' &&
    html`<label for="remark">${say('plate_remark')}</label><input id="remark" name="remark" maxlength="60"${remark === 'required' && html` required`} value="${typed.remark}">`;
  if (isUnsupported(page.ways)) {
    const content = html`<div class="card"><p class="subject">${store_name}</p>${unsupported(page.ways, language)}</div>`;
    return frame(page, html`data-stamp=""`, content).html;
  }
  const content = html`<div class="card"><h1 tabindex="-1">${say('plate_title')}</h1><p class="subject">${store_name}</p><div aria-live="polite">${
    problem !== undefined && html`<p class="say bad" id="problem">${problem}</p>`
  }</div><form method="post" action="${path}">${amount}${remarks}<input type="hidden" name="tap" value="${tap}">${
    page.keeps_language && html`<input type="hidden" name="lang" value="${language}">`
  }<button class="button main" type="submit">${say('pay_now')}</button></form></div>`;
  return frame(page, html`data-stamp=""${page.keeps_language && html` data-lang="${language}"`}`, content).html;
}

/** A page for what has no payment: an address that was never given out, too many visits, a fault of ours. */
export function renderMessage(input: Pick<Drawn, 'language' | 'assets' | 'theme' | 'path'> & { readonly title: TextKey; readonly message: TextKey }): string {
  const { language, title, message } = input;
  const content = html`<div class="card"><h1 tabindex="-1">${text(language, title)}</h1><p>${text(language, message)}</p></div>`;
  return frame({ ...input, shop: { name: 'Heliu 合流', has_logo: false }, livemode: true }, html`data-stamp=""`, content).html;
}
