import { type HelpRequest, methods, walletEntry } from '@heliu/contract';
import { formatShanghai } from '../../../kernel/time.ts';
import type { Attempt } from '../../../payments/attempt.ts';
import type { Payment } from '../../../payments/payment.ts';
import { type Html, html } from '../../../platform/http/html.ts';
import { type Frame, frame, type Say, yuan } from '../../page/render.ts';
import { text } from '../../page/texts.ts';

export type DrawnReceipt = Frame & {
  readonly payment: Payment;
  /** The one that took the money. */
  readonly accepted: Attempt | undefined;
  readonly requests: readonly HelpRequest[];
  /** Said about what was just sent. */
  readonly notice: 'help_sent' | 'help_waits' | 'help_wrong' | undefined;
  /** What the form holds: what was just sent and not taken, so that nothing is typed twice. */
  readonly typed: { readonly kind: string; readonly message: string; readonly contact: string };
};

/** A payer's receipt: what was paid and given back, and the way to ask the shop about it. */
export function renderReceipt(page: DrawnReceipt): string {
  const { language, payment, requests, notice } = page;
  const say: Say = (key, facts) => text(language, key, facts);
  const waits = requests.some(({ state }) => state === 'opened');
  const content = html`<div class="card">${heading(page, say)}${facts(page, say)}</div><div class="card"><h2>${say('help_title')}</h2><div aria-live="polite">${
    notice && html`<p class="say${notice !== 'help_sent' && ' bad'}">${say(notice)}</p>`
  }</div>${requests.map((request) => asked(request, say))}${waits ? undefined : form(page, payment, say)}</div>`;
  return frame(page, html`data-stamp=""${page.keeps_language && html` data-lang="${language}"`}`, content).html;
}

function heading({ payment }: DrawnReceipt, say: Say): Html {
  const { state, paid_fen, amount_fen, refunded_fen } = payment;
  if (state !== 'paid')
    return html`<h1 tabindex="-1">${say(state === 'closed' ? 'receipt_unpaid' : 'receipt_pending')}</h1><p class="sum">${yuan(amount_fen)}</p>`;
  const whole = refunded_fen === paid_fen;
  return html`<h1 tabindex="-1"${!whole && html` class="good"`}>${say(whole ? 'receipt_refunded' : 'paid')}</h1><p class="sum"><span class="unseen">${say('paid_amount')} </span>${yuan(paid_fen)}</p>`;
}

function facts({ payment, accepted, shop, language }: DrawnReceipt, say: Say): Html {
  const row = (name: string, value: string | Html | undefined | null) => value !== undefined && value !== null && html`<dt>${name}</dt><dd>${value}</dd>`;
  const { refunded_fen, refunding_fen, paid_at } = payment;
  return html`<dl>${row(say('pay_to'), shop.name)}${row(say('receipt_subject'), payment.subject)}${row(say('receipt_wallet'), accepted && walletEntry(methods[accepted.method].wallet)[language])}${row(
    say('receipt_time'),
    paid_at && formatShanghai(paid_at),
  )}${row(say('order_no'), payment.merchant_order_no)}${row(say('receipt_transaction'), accepted?.channel_transaction_id)}${row(
    say('receipt_given_back'),
    refunded_fen > 0n ? yuan(refunded_fen) : undefined,
  )}${row(say('receipt_going_back'), refunding_fen > 0n ? yuan(refunding_fen) : undefined)}</dl>`;
}

const asked = ({ kind, state, message, answer }: HelpRequest, say: Say): Html =>
  html`<div class="say asked"><p><b>${say(kind === 'refund' ? 'help_refund' : 'help_question')}</b> · ${say(`help_${state}`)}</p><p>${message ?? ''}</p>${
    answer !== null && html`<p><b>${say('help_answer')}</b> ${answer}</p>`
  }</div>`;

function form({ path, typed, keeps_language, language }: DrawnReceipt, { state }: Payment, say: Say): Html {
  const kind = typed.kind === 'refund' ? 'refund' : 'question';
  const choice = (value: typeof kind, label: string) =>
    html`<label class="choice"><input type="radio" name="kind" value="${value}"${value === kind && html` checked`}> ${label}</label>`;
  return html`<form method="post" action="${path}">${
    state === 'paid' &&
    html`<fieldset><legend>${say('help_kind')}</legend>${choice('question', say('help_question'))}${choice('refund', say('help_refund'))}</fieldset>`
  }<label for="message">${say('help_message')}</label><textarea id="message" name="message" rows="3" maxlength="500" required>${typed.message}</textarea><label for="contact">${say('help_contact')}</label><input id="contact" name="contact" maxlength="60" autocomplete="tel" value="${typed.contact}">${
    keeps_language && html`<input type="hidden" name="lang" value="${language}">`
  }<button class="button main" type="submit">${say('help_send')}</button></form>`;
}
