import { offerFaults, startFaults } from './faults.js';
import { isChinese, onLanguage, startLanguage, t } from './language.js';
import { drawOrder, orderButton } from './order.js';
import { $, ask, copy, drawing, el, keepFresh, press, problemText, replaceIfChanged, show } from './page.js';

/** What `/sim/api/wallets` tells; undefined until it did. */
let offer;
/** The gateway whose wallet is in hand. */
let channel;
let orders = [];
/** The order on the screen, if one is open. */
let open;
/** The payer's page that was scanned, if one is shown. */
let page;
/** The payment code on the screen, if one is shown. */
let code;

startLanguage();
onLanguage(draw);
$('#scan').addEventListener('submit', (event) => {
  event.preventDefault();
  void press($('#scan-button'), $('#phone-say'), () => scan($('#scan-text').value.trim()));
});
$('#code-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void press($('#code-button'), $('#phone-say'), newCode);
});
startTabs();
startFaults(() => channel);
const refresh = keepFresh(1500, load, (problem) => show($('#phone-say'), problem, 'bad'));

async function load() {
  if (offer === undefined) {
    offer = await ask('GET', '/sim/api/wallets');
    channel = offer.wallets[0]?.channel;
    offerFaults(offer);
    draw();
    const text = new URLSearchParams(location.search).get('open');
    if (text) await scan(text);
  }
  if (channel === undefined) return;
  const asked = channel;
  const answer = await ask('GET', `/sim/api/orders?channel=${encodeURIComponent(asked)}`);
  if (asked !== channel) return;
  orders = answer.orders;
  if (open) open = orders.find((order) => order.order_no === open.order_no) ?? open;
  draw();
}

async function scan(text) {
  if (text === '') {
    show($('#phone-say'), t('scan_empty'), 'bad');
    return $('#scan-text').focus();
  }
  const page_path = checkoutPath(text);
  if (page_path !== undefined) return showPage(page_path);
  const order = await ask('POST', '/sim/api/scan', { text });
  channel = order.channel;
  $('#scan-text').value = '';
  openOrder(order);
}

/** The path of a payer's page of this installation, when the text is its address: wallets open such a code in their browser. */
function checkoutPath(text) {
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  return origin === new URL(offer.public_url).origin && /^\/c\/(p\/)?[0-9A-Z]+$/.test(pathname) ? pathname : undefined;
}

function showPage(path) {
  page = path;
  open = undefined;
  $('#scan-text').value = '';
  show($('#phone-say'), '');
  draw();
  $('#page').querySelector('a')?.focus();
}

/** A page opens in the browser of a wallet: the server then plays that wallet for this browser, until another is chosen. */
function drawPage() {
  const link = (browser, text, tone) =>
    el('a', { class: `button ${tone}`, href: `/sim/view?wallet=${browser}&to=${encodeURIComponent(page)}`, target: '_blank', rel: 'noopener' }, text);
  const with_browser = offer.wallets.filter((entry) => entry.has_browser);
  return [
    el('button', { class: 'small', type: 'button', onclick: closeOrder }, t('order_back')),
    el('h3', {}, t('view_heading')),
    el('p', { class: 'soft' }, t('view_lead')),
    el('code', {}, offer.public_url + page),
    el(
      'div',
      { class: 'views' },
      with_browser.map((entry) => link(entry.channel, t('view_open', { wallet: t(`wallet_${entry.wallet}`) }), entry.channel === channel ? 'main' : '')),
      link('', t('view_plain'), ''),
    ),
  ];
}

function openOrder(order) {
  open = order;
  page = undefined;
  show($('#phone-say'), '');
  draw();
  $('#order').querySelector('button')?.focus();
}

function closeOrder() {
  open = undefined;
  page = undefined;
  show($('#phone-say'), '');
  draw();
  $('#tab-orders').focus();
}

async function act(button, body, done) {
  await press(button, $('#phone-say'), async () => {
    open = await ask('POST', '/sim/api/act', { channel, order_no: open.order_no, ...body });
    show($('#phone-say'), t(done));
    draw();
    await refresh();
  });
}

async function newCode() {
  code = await ask('POST', '/sim/api/payment-codes', { channel, behaviour: $('#behaviour').value });
  draw();
}

function choose(next) {
  channel = next;
  orders = [];
  open = undefined;
  page = undefined;
  code = undefined;
  show($('#phone-say'), '');
  draw();
  void refresh();
}

/** The wallet, with the gateway behind it where that has another name. */
function walletName({ wallet, gateway }) {
  const name = t(`wallet_${wallet}`);
  const behind = isChinese() ? gateway.zh : gateway.en;
  return behind.startsWith(name) || name.startsWith(behind) ? [name] : [name, el('small', {}, behind)];
}

function draw() {
  if (offer === undefined) return;
  const wallet = offer.wallets.find((candidate) => candidate.channel === channel)?.wallet;
  $('#phone').dataset.wallet = wallet ?? '';
  if (wallet) $('#phone-heading').textContent = t(`wallet_${wallet}`);
  replaceIfChanged($('#wallets'), [offer.wallets, channel], () =>
    offer.wallets.map((entry) =>
      el(
        'button',
        { type: 'button', 'data-channel': entry.channel, 'aria-pressed': String(entry.channel === channel), onclick: () => choose(entry.channel) },
        ...walletName(entry),
      ),
    ),
  );
  $('#home').hidden = open !== undefined || page !== undefined;
  $('#page').hidden = page === undefined;
  if (page) replaceIfChanged($('#page'), [page, channel], drawPage);
  $('#order').hidden = open === undefined;
  if (open) replaceIfChanged($('#order'), open, () => drawOrder(open, { back: closeOrder, act }));
  drawList(
    $('#orders'),
    orders.filter((order) => order.status === 'payable'),
    'orders_empty',
  );
  drawList(
    $('#done'),
    orders.filter((order) => order.status !== 'payable'),
    'done_empty',
  );
  drawCode();
}

function drawList(place, list, empty) {
  replaceIfChanged(place, list, () =>
    list.length === 0 ? [el('li', { class: 'empty' }, t(empty))] : list.map((order) => orderButton(order, () => openOrder(order))),
  );
}

function drawCode() {
  const chosen = $('#behaviour').value || offer.behaviours[0];
  replaceIfChanged($('#behaviour'), offer.behaviours, () =>
    offer.behaviours.map((name) => el('option', { value: name, selected: name === chosen }, t(`behaviour_${name}`))),
  );
  replaceIfChanged($('#code-card'), code ?? null, () => {
    if (code === undefined) return [el('p', { class: 'empty' }, t('code_empty'))];
    const digits = el(
      'code',
      { class: 'digits', id: 'code-digits', 'aria-label': `${t('code_number')} ${code.code}` },
      code.code.replace(/(\d{4})(?=\d)/g, '$1 '),
    );
    return [
      code.qr_svg && drawing(code.qr_svg, t('code_alt')),
      digits,
      el('span', { class: 'pill' }, t(`behaviour_${code.behaviour}`)),
      el(
        'div',
        { class: 'row' },
        el('button', { class: 'small', type: 'button', onclick: (event) => copy(event.currentTarget, code.code, digits) }, t('copy')),
        el('a', { class: 'button small', href: `/?auth_code=${code.code}` }, t('code_use')),
      ),
    ];
  });
}

/** Tabs as a keyboard user expects them: one stop, arrows move between them. */
function startTabs() {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const select = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute('aria-selected', String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      $(`#${tab.getAttribute('aria-controls')}`).hidden = tab !== chosen;
    }
    chosen.focus();
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select(tabs[(index + step + tabs.length) % tabs.length]);
    });
  }
}

window.addEventListener('unhandledrejection', (event) => show($('#phone-say'), problemText(event.reason), 'bad'));
