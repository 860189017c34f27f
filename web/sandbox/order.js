import { isChinese, t } from './language.js';
import { clockTime, el, yuan } from './page.js';

const tones = { payable: 'warn', paid: 'good', ended: '' };

/** One line of a list of orders. */
export function orderButton(order, onclick) {
  return el(
    'li',
    {},
    el(
      'button',
      { type: 'button', 'data-order': order.order_no, onclick },
      el('strong', {}, order.subject),
      el('span', { class: 'amount' }, yuan(order.amount_fen)),
      el('span', { class: 'soft' }, `${order.merchant} · ${clockTime(order.created_at)}`),
      pill(order),
    ),
  );
}

/** An order opened in the wallet, with what the payer may do. */
export function drawOrder(order, { back, act }) {
  const button = (text, class_name, body, done, facts) =>
    el('button', { type: 'button', class: class_name, onclick: (event) => act(event.currentTarget, body, done) }, t(text, facts));
  const amount = yuan(order.amount_fen);
  const rows = [
    ['order_merchant', order.merchant],
    ['order_subject', order.subject],
    ['order_method', isChinese() ? order.method_zh : order.method_en],
    ['order_created', clockTime(order.created_at)],
    ['order_state', el('span', { class: 'mono' }, order.state)],
    ['order_no', el('span', { class: 'mono' }, order.order_no)],
    order.refunded_fen > 0 && ['order_refunded', yuan(order.refunded_fen)],
  ].filter(Boolean);
  return [
    el('div', { class: 'row' }, el('button', { type: 'button', class: 'small', onclick: back }, `← ${t('order_back')}`)),
    el('p', { class: 'sum' }, amount),
    el('p', { class: 'status' }, pill(order)),
    el(
      'dl',
      { class: 'facts' },
      rows.flatMap(([name, value]) => [el('dt', {}, t(name)), el('dd', {}, value)]),
    ),
    el(
      'div',
      { class: 'acts' },
      order.status === 'payable' && [
        button('pay_button', 'pay', { do: 'pay' }, 'paid_now', { amount }),
        button('decline_button', '', { do: 'decline' }, 'declined_now'),
      ],
      order.status === 'ended' && [el('p', { class: 'soft' }, t('late_note')), button('late_button', '', { do: 'pay', late: true }, 'paid_now')],
    ),
  ];
}

function pill(order) {
  const text = order.refunded_fen > 0 ? t('status_refunded', { amount: yuan(order.refunded_fen) }) : t(`status_${order.status}`);
  return el('span', { class: `pill ${tones[order.status]}` }, text);
}
