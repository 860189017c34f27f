import { texts } from './texts.js';

/** What was chosen here before; else the browser's language, English to those who read neither. */
const remembered = 'heliu.language';
const listeners = [];
let language = read() ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');

export const isChinese = () => language === 'zh';

/** The text of a key in the chosen language; `{name}` is filled from `facts`. A test checks that every key exists. */
export function t(key, facts = {}) {
  const [zh, en] = texts[key];
  return (isChinese() ? zh : en).replace(/\{(\w+)\}/g, (_, name) => String(facts[name]));
}

/** Runs now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

/** Puts the texts into every element that names a key, and connects the switch. */
export function startLanguage() {
  const button = document.querySelector('#language');
  button.addEventListener('click', () => {
    language = isChinese() ? 'en' : 'zh';
    write(language);
    for (const listener of listeners) listener();
  });
  onLanguage(() => {
    document.documentElement.lang = isChinese() ? 'zh-CN' : 'en';
    document.title = t(document.body.dataset.title);
    button.textContent = isChinese() ? 'English' : '中文';
    button.lang = isChinese() ? 'en' : 'zh-CN';
    for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
    for (const element of document.querySelectorAll('[data-t-label]')) element.setAttribute('aria-label', t(element.dataset.tLabel));
    for (const element of document.querySelectorAll('[data-t-placeholder]')) element.setAttribute('placeholder', t(element.dataset.tPlaceholder));
  });
}

function read() {
  try {
    const kept = localStorage.getItem(remembered);
    return kept === 'zh' || kept === 'en' ? kept : null;
  } catch {
    return null;
  }
}

/** A browser that keeps nothing begins anew next time. */
function write(value) {
  try {
    localStorage.setItem(remembered, value);
  } catch {}
}
