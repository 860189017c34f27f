// Part of the script that plays a wallet inside a page: asks the payer as the wallet's own sheet would. Styled through the
// object model, because a page's content security policy binds whatever is written into it.
const post = (path, body) =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((answer) => answer.json());

const put = (tag, styles, ...children) => {
  const element = document.createElement(tag);
  Object.assign(element.style, styles);
  element.append(...children);
  return element;
};

/** Resolves to 'pay', 'decline' or the problem that kept the wallet from asking. */
// biome-ignore lint/correctness/noUnusedVariables: the bridge of each wallet, which follows in the same script, calls it
const askPayer = async (params, color) => {
  const handed = await post('/bridge/open', params);
  if (handed.problem) return handed.problem;
  const { token, title, subject, amount_fen } = handed.order;
  const chosen = await new Promise((resolve) => {
    const button = (id, text, styles) => {
      const made = put('button', { font: 'inherit', padding: '12px', margin: '6px 0 0', width: '100%', borderRadius: '8px', border: '0', ...styles }, text);
      made.type = 'button';
      made.id = id;
      made.onclick = () => {
        shade.remove();
        resolve(id === 'sim-pay' ? 'pay' : 'decline');
      };
      return made;
    };
    const sum = `¥${(amount_fen / 100).toFixed(2)}`;
    const card = put(
      'div',
      { background: '#fff', color: '#111', padding: '20px', borderRadius: '16px 16px 0 0', width: '100%', maxWidth: '420px', textAlign: 'center' },
      put('div', { fontWeight: '600' }, title),
      put('div', { color: '#666', margin: '8px 0' }, subject),
      put('div', { fontSize: '32px', fontWeight: '700' }, sum),
      button('sim-pay', '确认付款', { background: color, color: '#fff' }),
      button('sim-cancel', '取消', { background: '#eee', color: '#111' }),
    );
    const shade = put(
      'div',
      { position: 'fixed', inset: '0', background: 'rgba(0,0,0,.5)', display: 'flex', alignItems: 'flex-end', justifyContent: 'center', zIndex: '9999' },
      card,
    );
    shade.setAttribute('role', 'dialog');
    shade.setAttribute('aria-label', title);
    document.body.append(shade);
    document.getElementById('sim-pay').focus();
  });
  const done = await post('/bridge/decide', { token, do: chosen });
  return done.problem || chosen;
};
