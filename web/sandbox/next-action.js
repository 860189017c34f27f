import { isChinese, t } from './language.js';
import { drawing, el, replaceIfChanged, yuan } from './page.js';

/** Shows what a merchant's front end does with a payment's `next_action`, each kind as it would be used. */
export function drawNext(place, payment) {
  replaceIfChanged(place, payment ?? null, () => (payment === undefined ? [el('p', { class: 'empty' }, t('next_empty'))] : content(payment)));
}

function content(payment) {
  const heading = el('p', {}, el('strong', {}, `${payment.subject} ${yuan(payment.amount_fen)}`));
  return [heading, ...kinds[payment.next_action.type](payment.next_action, payment), el('p', { class: 'soft mono' }, payment.id)];
}

/** Each kind of next action, drawn. */
const kinds = {
  show_qr: (action, payment) => [
    el('p', {}, t('next_qr')),
    payment.qr_svg && drawing(payment.qr_svg, t('qr_alt')),
    el('div', { class: 'row' }, walletLink(action.qr_content, 'main')),
    el('p', { class: 'soft' }, t('qr_text')),
    el('code', { id: 'qr-content' }, action.qr_content),
  ],
  redirect: (action, payment) => [
    el('p', {}, t('next_redirect')),
    el('code', {}, action.url),
    el('div', { class: 'row' }, el('a', { class: 'button main', href: action.url, target: '_blank', rel: 'noopener' }, t('open_link')), orderLink(payment)),
  ],
  submit_form: (action, payment) => [
    el('p', {}, t('next_form')),
    el(
      'form',
      { method: 'post', action: action.url, target: '_blank', rel: 'noopener', 'accept-charset': 'utf-8' },
      Object.entries(action.fields).map(([name, value]) => el('input', { type: 'hidden', name, value })),
      el('div', { class: 'row' }, el('button', { class: 'main', type: 'submit' }, t('open_link')), orderLink(payment)),
    ),
    el('code', {}, action.url.split('?')[0]),
  ],
  invoke: (action, payment) => [
    el('p', {}, t('next_invoke', { api: action.api })),
    el('pre', { class: 'params', tabindex: 0 }, JSON.stringify(action.params, null, 2)),
    // An order of an app begins when the wallet opens its order string.
    el('div', { class: 'row' }, action.params.orderStr ? walletLink(action.params.orderStr, 'main') : orderLink(payment, 'main')),
  ],
  wait: (_action, payment) => [el('p', {}, t('next_wait')), el('div', { class: 'row' }, orderLink(payment, 'main'))],
  new_attempt: () => [el('p', { class: 'say bad' }, t('next_new_attempt'))],
  none: (_action, payment) => {
    const refusal = payment.attempt?.refusal;
    if (payment.state === 'pending' && refusal)
      return [el('p', { class: 'say bad' }, t('state_refused', { reason: isChinese() ? refusal.message_zh : refusal.message }))];
    if (payment.state === 'paid') return [el('p', { class: 'say' }, t('next_none_paid'))];
    return [el('p', {}, t(payment.state === 'closed' ? 'next_none_closed' : 'next_none'))];
  },
};

const walletLink = (text, tone = '') =>
  el('a', { class: `button ${tone}`, href: `/sim/wallet?open=${encodeURIComponent(text)}`, target: 'heliu-wallet' }, t('open_wallet'));

/** The gateway knows every order by our number, so that the wallet finds it whatever the method is. */
const orderLink = (payment, tone) => payment.attempt && walletLink(payment.attempt.channel_order_no, tone);
