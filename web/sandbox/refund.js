import { t } from './language.js';
import { $, ask, press, readYuan, show, yuan } from './page.js';

let payment;
let done;

const dialog = $('#refund');
$('#refund-cancel').addEventListener('click', () => dialog.close());
$('#refund-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void press($('#refund-button'), $('#refund-say'), send);
});

/** Opens the refund dialog with all that is left; `after` hears the amount once the API took it. */
export function openRefund(of, after) {
  payment = of;
  done = after;
  const left = of.paid_fen - of.refunded_fen - of.refunding_fen;
  $('#refund-of').textContent = t('refund_of', { subject: of.subject, paid: yuan(of.paid_fen), left: yuan(left) });
  $('#refund-amount').value = yuan(left).slice(1);
  $('#refund-reason').value = '';
  mark('');
  show($('#refund-say'), '');
  dialog.showModal();
  $('#refund-amount').select();
}

async function send() {
  const amount_fen = readYuan($('#refund-amount').value);
  mark(amount_fen === undefined ? t('amount_wrong') : '');
  if (amount_fen === undefined) return $('#refund-amount').focus();
  const reason = $('#refund-reason').value.trim();
  const merchant_refund_no = `demo-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
  await ask('POST', '/sandbox/api/refunds', { payment_id: payment.id, merchant_refund_no, amount_fen, ...(reason === '' ? {} : { reason }) });
  dialog.close();
  await done(amount_fen);
}

function mark(text) {
  $('#refund-amount-wrong').textContent = text;
  if (text === '') $('#refund-amount').removeAttribute('aria-invalid');
  else $('#refund-amount').setAttribute('aria-invalid', 'true');
}
