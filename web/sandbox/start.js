import { isChinese, onLanguage, startLanguage, t } from './language.js';
import { drawNext } from './next-action.js';
import { $, ask, clockTime, copy, el, keepFresh, press, problemText, readYuan, replaceIfChanged, show, yuan } from './page.js';
import { openRefund } from './refund.js';

/** What `/sandbox/api/demo` tells; undefined until it did. */
let demo;
/** The payment that "what happens next" is about, with its drawn code. */
let current;
let key_shown = false;

startLanguage();
onLanguage(drawDemo);
onLanguage(() => {
  if ($('#subject').dataset.own !== 'true') $('#subject').value = t('subject_default');
});
onLanguage(() => drawNext($('#next'), current));
$('#subject').addEventListener('input', () => {
  $('#subject').dataset.own = 'true';
});
$('#method').addEventListener('change', showFields);
$('#create').addEventListener('submit', (event) => {
  event.preventDefault();
  void press($('#create-button'), $('#create-say'), create);
});
$('#take-code').addEventListener('click', () => press($('#take-code'), $('#create-say'), takeCode));
$('#reveal').addEventListener('click', () => {
  key_shown = !key_shown;
  drawDemo();
});
$('#copy-key').addEventListener('click', () => copy($('#copy-key'), demo.api_key, $('#key')));
$('#copy-curl').addEventListener('click', () => copy($('#copy-curl'), curlLine(demo.api_key), $('#curl')));

const refresh = keepFresh(2000, load, (problem) => show($('#recent-say'), problem, 'bad'));
onLanguage(refresh);

async function load() {
  if (demo === undefined) {
    demo = await ask('GET', '/sandbox/api/demo');
    drawDemo();
    adoptLink();
  }
  const { data } = await ask('GET', '/sandbox/api/payments');
  if ($('#recent-say').classList.contains('bad')) show($('#recent-say'), '');
  replaceIfChanged($('#recent'), data, () => (data.length === 0 ? [el('li', { class: 'empty' }, t('recent_empty'))] : data.map(paymentRow)));
  const fresh = data.find((payment) => payment.id === current?.id);
  if (fresh && fresh.version !== current.version) await showPayment(fresh.id);
}

/** A link from the wallet page brings a payment code or its wallet along. */
function adoptLink() {
  const code = new URLSearchParams(location.search).get('auth_code');
  if (code === null) return;
  $('#method').value = 'barcode';
  showFields();
  $('#auth-code').value = code;
  $('#amount').focus();
}

function drawDemo() {
  const reveal = $('#reveal');
  reveal.textContent = t(key_shown ? 'hide' : 'reveal');
  reveal.setAttribute('aria-pressed', String(key_shown));
  if (demo === undefined) return;
  const shown = key_shown ? demo.api_key : `${demo.api_key.slice(0, 8)}…${demo.api_key.slice(-4)}`;
  $('#key').textContent = shown;
  $('#curl').textContent = curlLine(shown);
  drawMethods();
  drawRuns();
}

function drawMethods() {
  const select = $('#method');
  const chosen = select.value || 'wechat_qr';
  const option = (value, zh, en) => el('option', { value }, isChinese() ? zh : en);
  const group = (wallet) => demo.methods.filter((method) => method.wallet === wallet).map((method) => option(method.method, method.zh, method.en));
  const wallets = [...new Set(demo.methods.map((method) => method.wallet))];
  select.replaceChildren(
    ...wallets.map((wallet) => el('optgroup', { label: t(`group_${wallet}`) }, group(wallet))),
    el('option', { value: 'barcode' }, t('any_barcode')),
    el('option', { value: 'qr' }, t('any_qr')),
  );
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  showFields();
}

/** Each method asks for what its scene knows: a payment code at a till, the payer's id inside the wallet. */
function showFields() {
  const name = $('#method').value;
  const method = demo?.methods.find((candidate) => candidate.method === name);
  const in_wallet = method?.scene === 'jsapi' || method?.scene === 'mini';
  $('#auth-code-field').hidden = !isBarcode();
  $('#payer-id-field').hidden = !in_wallet;
  if (in_wallet) $('#payer-id').value = demo.payer_ids[method.wallet];
}

const isBarcode = () => $('#method').value.endsWith('barcode');

async function takeCode() {
  const { wallets } = await ask('GET', '/sim/api/wallets');
  const wallet = wallets.find((candidate) => $('#method').value.startsWith(candidate.wallet)) ?? wallets[0];
  const { code } = await ask('POST', '/sim/api/payment-codes', { channel: wallet.channel, behaviour: 'pays' });
  $('#auth-code').value = code;
  wrong('auth-code', '');
}

async function create() {
  const amount_fen = readYuan($('#amount').value);
  const subject = $('#subject').value.trim();
  const wants_code = !$('#auth-code-field').hidden;
  const wants_payer = !$('#payer-id-field').hidden;
  const auth_code = $('#auth-code').value.replace(/\s/g, '');
  const payer_id = $('#payer-id').value.trim();
  const problems = [
    wrong('amount', amount_fen === undefined ? t('amount_wrong') : ''),
    wrong('subject', subject === '' ? t('subject_missing') : ''),
    wrong('auth-code', wants_code && auth_code === '' ? t('auth_code_missing') : ''),
    wrong('payer-id', wants_payer && payer_id === '' ? t('payer_id_missing') : ''),
  ].filter(Boolean);
  if (problems.length > 0) return problems[0].focus();

  const method = $('#method').value;
  const made = await ask('POST', '/sandbox/api/payments', {
    merchant_order_no: newOrderNo(),
    amount_fen,
    subject,
    method,
    ...(wants_code ? { auth_code } : {}),
    ...(wants_payer ? { payer_id } : {}),
    // A phone's browser has an address; a demo uses one of those that are kept for documentation.
    ...(method === 'wechat_h5' ? { payer_ip: '203.0.113.7' } : {}),
    ...(opens_page.has(demo.methods.find((candidate) => candidate.method === method)?.scene) ? { return_url: `${location.origin}/` } : {}),
  });
  current = made;
  $('#auth-code').value = '';
  drawNext($('#next'), current);
  await refresh();
}

/** Scenes that send the browser away, and back here. */
const opens_page = new Set(['page', 'h5']);

/** Marks a field as wrong, or right again; gives the field that a person should look at. */
function wrong(id, text) {
  $(`#${id}-wrong`).textContent = text;
  if (text === '') $(`#${id}`).removeAttribute('aria-invalid');
  else $(`#${id}`).setAttribute('aria-invalid', 'true');
  return text === '' ? undefined : $(`#${id}`);
}

const newOrderNo = () => `demo-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;

async function showPayment(id) {
  current = await ask('GET', `/sandbox/api/payments/${id}`);
  drawNext($('#next'), current);
}

function paymentRow(payment) {
  const say = $('#recent-say');
  const method = demo.methods.find((candidate) => candidate.method === payment.attempt?.method);
  const left = payment.paid_fen - payment.refunded_fen - payment.refunding_fen;
  const act = (text, work) => {
    const button = el('button', { class: 'small', type: 'button', onclick: () => press(button, say, work) }, t(text));
    return button;
  };
  const post = (verb, done) => async () => {
    await ask('POST', `/sandbox/api/payments/${payment.id}/${verb}`);
    show(say, t(done));
    await refresh();
  };
  const look = async () => {
    await showPayment(payment.id);
    $('#next-heading').scrollIntoView({ block: 'nearest' });
  };
  const refunded = (amount_fen) => {
    show(say, t('refund_done', { amount: yuan(amount_fen) }));
    return refresh();
  };
  return el(
    'li',
    { 'data-payment': payment.id, 'data-state': payment.state },
    el(
      'div',
      { class: 'what' },
      el('div', { class: 'row' }, el('strong', {}, payment.subject), states(payment)),
      el(
        'div',
        { class: 'soft' },
        [isChinese() ? method?.zh : method?.en, payment.merchant_order_no, clockTime(payment.created_at)].filter(Boolean).join(' · '),
      ),
    ),
    el('div', { class: 'amount' }, yuan(payment.amount_fen)),
    el(
      'div',
      { class: 'row acts' },
      act('action_show', look),
      payment.state === 'pending' && act('action_sync', post('sync', 'synced_done')),
      payment.state === 'pending' && !payment.closing && act('action_close', post('close', 'closed_done')),
      left > 0 && act('action_refund', async () => openRefund(payment, refunded)),
    ),
  );
}

function states(payment) {
  const tone = { pending: 'warn', paid: 'good', closed: '' }[payment.state];
  const refusal = payment.attempt?.refusal;
  return [
    el('span', { class: `pill ${tone}` }, t(payment.closing ? 'state_closing' : `state_${payment.state}`)),
    payment.refunding_fen > 0 && el('span', { class: 'pill warn' }, t('state_refunding', { amount: yuan(payment.refunding_fen) })),
    payment.refunded_fen > 0 && el('span', { class: 'pill' }, t('state_refunded', { amount: yuan(payment.refunded_fen) })),
    refusal && el('span', { class: 'pill bad' }, t('state_refused', { reason: isChinese() ? refusal.message_zh : refusal.message })),
  ];
}

function curlLine(api_key) {
  const body = JSON.stringify({ merchant_order_no: 'ORDER_NO', amount_fen: 1, subject: 'Demo coffee', method: 'wechat_qr' });
  // The shell makes the number, so that the line can be run again and again.
  const data = body.replace('ORDER_NO', `curl-'"$(date +%s)"'`);
  return `curl -sS ${demo.public_url}/v1/payments -H 'Authorization: Bearer ${api_key}' -H 'Content-Type: application/json' -d '${data}'`;
}

function drawRuns() {
  const { public_url: base } = demo;
  const link = (path) => el('a', { href: path, class: 'mono' }, base + path);
  const mono = (text) => el('span', { class: 'mono' }, text);
  const rows = [
    ['runs_api', mono(`${base}/v1`)],
    ['runs_docs', link('/docs')],
    ['runs_openapi', link('/openapi.json')],
    ['runs_wallet', link('/sim/wallet')],
    ['runs_inbox', link('/sandbox/inbox')],
    ['runs_metrics', link('/metrics')],
    ['runs_database', mono(`PostgreSQL ${demo.database}`)],
    ['runs_data', mono(demo.data_dir)],
  ];
  $('#runs').replaceChildren(...rows.flatMap(([name, value]) => [el('dt', {}, t(name)), el('dd', {}, value)]));
}

window.addEventListener('unhandledrejection', (event) => show($('#recent-say'), problemText(event.reason), 'bad'));
