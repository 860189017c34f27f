import { isChinese, t } from './language.js';

/** Finds the one element that a page has under this selector. */
export const $ = (selector) => document.querySelector(selector);

/** Makes an element. Texts become text nodes, so nothing that comes from outside is ever read as HTML. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick') element.addEventListener('click', value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An SVG drawn by the server, as an image: it cannot run or load anything. */
export const drawing = (svg, alt) => el('img', { class: 'qr', src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt });

/** What an endpoint refused, in both languages. */
export class Problem extends Error {
  constructor(body) {
    super(body.message);
    this.body = body;
  }
}

/** Asks an endpoint of this installation. Throws a `Problem` for everything that is not a success. */
export async function ask(method, path, body) {
  const headers = { accept: 'application/json' };
  if (method === 'POST') headers['idempotency-key'] = newKey();
  if (body !== undefined) headers['content-type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' });
  } catch {
    throw new Problem({ code: 'unreachable', message: t('unreachable'), message_zh: t('unreachable') });
  }
  const value = await answer.json().catch(() => undefined);
  if (answer.ok && value !== undefined) return value;
  throw new Problem(
    value?.error ?? {
      code: `http_${answer.status}`,
      message: t('unreadable', { status: answer.status }),
      message_zh: t('unreadable', { status: answer.status }),
    },
  );
}

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** A problem as a person reads it: what is wrong, which field, and the number to find it by. */
export function problemText(error) {
  if (!(error instanceof Problem)) throw error;
  const { message, message_zh, param, request_id } = error.body;
  const parts = [isChinese() ? message_zh : message];
  if (param) parts.push(t('problem_param', { param }));
  if (request_id) parts.push(t('problem_request', { request_id }));
  return parts.join(' ');
}

/** Runs what a button does: busy while it runs, its problem shown in `place`. */
export async function press(button, place, work) {
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  show(place, '');
  try {
    await work();
  } catch (error) {
    show(place, problemText(error), 'bad');
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}

/** Says something where screen readers hear it. */
export function show(place, text, tone = '') {
  place.textContent = text;
  place.className = tone ? `say ${tone}` : 'say';
}

/** Repeats `work` while the page is seen; a problem is handed to `failed`, and the next turn comes all the same. */
export function keepFresh(interval_ms, work, failed) {
  let running = false;
  const turn = async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      await work();
    } catch (error) {
      failed(problemText(error));
    } finally {
      running = false;
    }
  };
  setInterval(turn, interval_ms);
  document.addEventListener('visibilitychange', turn);
  void turn();
  return turn;
}

/** Copies and says so on the button itself; without permission the text is selected for the person's own hand. */
export async function copy(button, text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = t('copied');
  } catch {
    getSelection()?.selectAllChildren(shown);
    button.textContent = t('press_copy');
  }
  setTimeout(() => {
    button.textContent = t('copy');
  }, 2000);
}

/** Replaces a list only when what it shows has changed, so that focus and selection stay. */
export function replaceIfChanged(place, value, draw) {
  const mark = JSON.stringify([value, isChinese()]);
  if (place.drawn === mark) return;
  place.drawn = mark;
  place.replaceChildren(...draw());
}

export const yuan = (fen) => `¥${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;

/** Fen from an amount in yuan as people write it; undefined when it is none. No float is ever made. */
export function readYuan(text) {
  const match = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return undefined;
  const fen = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return fen === 0 ? undefined : fen;
}

export const clockTime = (iso) => new Date(iso).toLocaleTimeString(isChinese() ? 'zh-CN' : 'en-GB', { hour12: false });
