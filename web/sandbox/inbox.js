import { onLanguage, startLanguage, t } from './language.js';
import { $, ask, clockTime, el, keepFresh, press, problemText, replaceIfChanged, show } from './page.js';

const answers = ['ok', 'error', 'gone', 'slow'];
const messages_max = 200;

let answer = 'ok';
/** Undefined until the stream told them. */
let messages;
let live = true;
let endpoint;
let deliveries;

startLanguage();
onLanguage(draw);
$('#ping').addEventListener('click', () => pressed($('#ping'), () => ask('POST', '/sandbox/api/endpoint/ping'), 'ping_done'));
$('#enable').addEventListener('click', () => pressed($('#enable'), () => ask('POST', '/sandbox/api/endpoint/enable')));
$('#clear').addEventListener('click', () => pressed($('#clear'), () => ask('POST', '/sandbox/api/inbox/clear')));
listen();
const refresh = keepFresh(2000, load, (problem) => show($('#inbox-say'), problem, 'bad'));

/** The stream begins with everything and goes on with what arrives; the browser connects again by itself. */
function listen() {
  const stream = new EventSource('/sandbox/api/inbox/stream');
  const on = (name, handle) =>
    stream.addEventListener(name, (event) => {
      handle(JSON.parse(event.data));
      live = true;
      draw();
    });
  on('all', (view) => {
    ({ answer, messages } = view);
  });
  on('answer', (chosen) => {
    answer = chosen;
  });
  on('message', (message) => {
    messages = [message, ...(messages ?? [])].slice(0, messages_max);
    void refresh();
  });
  stream.addEventListener('open', () => {
    live = true;
    draw();
  });
  stream.addEventListener('error', () => {
    live = false;
    draw();
    // A refused stream is not tried again by the browser.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

async function load() {
  endpoint = await ask('GET', '/sandbox/api/endpoint');
  ({ data: deliveries } = await ask('GET', '/sandbox/api/endpoint/deliveries'));
  draw();
}

function pressed(button, work, done) {
  return press(button, $('#inbox-say'), async () => {
    await work();
    if (done) show($('#inbox-say'), t(done));
    await refresh();
  });
}

function draw() {
  const pill = $('#live');
  pill.className = live ? 'pill good' : 'pill bad';
  const state = t(live ? 'live_on' : 'live_off');
  if (pill.textContent !== state) pill.textContent = state;
  replaceIfChanged($('#answers'), answer, drawAnswers);
  drawEndpoint();
  if (messages) replaceIfChanged($('#messages'), messages, drawMessages);
  if (deliveries) replaceIfChanged($('#deliveries'), deliveries, drawDeliveries);
}

function drawAnswers() {
  const focused = document.activeElement?.name === 'answer';
  const choices = answers.map((name) => {
    const input = el('input', { type: 'radio', name: 'answer', value: name, id: `answer-${name}` });
    input.checked = name === answer;
    input.addEventListener('change', () => choose(name));
    return el('label', { class: 'choice', for: `answer-${name}` }, input, t(`answer_${name}`));
  });
  if (focused) queueMicrotask(() => $(`#answer-${answer}`).focus());
  return choices;
}

async function choose(name) {
  try {
    await ask('POST', '/sandbox/api/inbox/answer', { answer: name });
    show($('#inbox-say'), t('answer_set', { answer: t(`answer_${name}`) }));
  } catch (error) {
    show($('#inbox-say'), problemText(error), 'bad');
  }
}

function drawEndpoint() {
  const pill = $('#endpoint');
  pill.hidden = endpoint === undefined;
  $('#enable').hidden = endpoint?.state !== 'disabled';
  if (endpoint === undefined) return;
  const enabled = endpoint.state === 'enabled';
  pill.className = enabled ? 'pill good' : 'pill bad';
  pill.textContent = enabled ? t('endpoint_enabled') : t('endpoint_disabled', { reason: endpoint.disabled_reason });
}

function drawMessages() {
  if (messages.length === 0) return [el('li', { class: 'empty' }, t('messages_empty'))];
  const opened = new Set([...$('#messages').querySelectorAll('details[open]')].map((details) => details.dataset.no));
  const seen = new Set([...$('#messages').querySelectorAll('details')].map((details) => details.dataset.no));
  return messages.map((message) => drawMessage(message, { open: opened.has(String(message.no)), arrived: seen.size > 0 && !seen.has(String(message.no)) }));
}

function drawMessage(message, { open, arrived }) {
  const headers = Object.entries(message.headers).map(([name, value]) => `${name}: ${value}`);
  return el(
    'li',
    { class: arrived && 'arrived', 'data-type': message.type, 'data-check': message.check },
    el(
      'details',
      { 'data-no': message.no, open },
      el(
        'summary',
        {},
        el('strong', { class: 'mono' }, message.type ?? t('message_unknown')),
        el('span', { class: `pill ${message.check === 'valid' ? 'good' : 'bad'}` }, t(`check_${message.check}`)),
        el('span', { class: `pill ${message.status < 300 ? '' : 'warn'}` }, t('message_answered', { status: message.status })),
        message.earlier > 0 && el('span', { class: 'pill warn' }, t('message_repeat', { n: message.earlier + 1 })),
        el('span', { class: 'soft time' }, clockTime(message.received_at)),
      ),
      el('h3', { class: 'soft' }, t('headers_heading')),
      el('pre', { tabindex: 0 }, headers.join('\n')),
      el('h3', { class: 'soft' }, t('body_heading')),
      el('pre', { tabindex: 0 }, pretty(message.body)),
    ),
  );
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function drawDeliveries() {
  if (deliveries.length === 0) return [el('li', { class: 'empty' }, t('deliveries_empty'))];
  return deliveries.map((delivery) => {
    const tone = { pending: 'warn', delivered: 'good', dead: 'bad', cancelled: '' }[delivery.state];
    const facts = [
      t('delivery_tries', { tries: delivery.tries }),
      (delivery.last_status ?? delivery.last_error) && t('delivery_last', { status: delivery.last_status ?? delivery.last_error }),
      delivery.next_send_at && t('delivery_next', { time: clockTime(delivery.next_send_at) }),
    ].filter(Boolean);
    const resend = el('button', { class: 'small', type: 'button' }, t('resend'));
    resend.addEventListener('click', () => pressed(resend, () => ask('POST', `/sandbox/api/endpoint/deliveries/${delivery.id}/resend`)));
    return el(
      'li',
      { 'data-delivery': delivery.id, 'data-state': delivery.state },
      el(
        'div',
        { class: 'row spread' },
        el('strong', { class: 'mono' }, delivery.event_type),
        el('span', { class: `pill ${tone}` }, t(`delivery_${delivery.state}`)),
      ),
      el('div', { class: 'row spread' }, el('span', { class: 'soft' }, facts.join(' · ')), resend),
    );
  });
}
