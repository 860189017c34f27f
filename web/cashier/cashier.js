// The one script of the payer's pages, sent inside them. Old web views of wallets run it: syntax of 2017, nothing later.
(() => {
  const { body } = document;
  const data = body.dataset;
  const here = location.pathname;
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  let moved = false;

  function go(url) {
    if (moved) return;
    moved = true;
    location.replace(url);
  }

  /** The page as the server draws it now. */
  function fresh(query) {
    const asked = [query, data.lang && `lang=${data.lang}`].filter(Boolean).join('&');
    go(asked ? `${here}?${asked}` : here);
  }

  // A second tap of a button sends nothing, and what the server tells while a form is on its way must not take the page
  // away from under it: the answer leads on. A page that comes back from the history is drawn anew.
  for (const form of all('form')) {
    form.addEventListener('submit', (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = '1';
      moved = true;
      setTimeout(() => {
        for (const button of all('button')) button.disabled = true;
      }, 0);
    });
  }
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    moved = false;
    // A page without a payment of its own stands at its whole address.
    if (data.stamp) fresh('');
    else location.reload();
  });

  // The time left is counted from when the page came, whatever this clock says.
  const left = document.getElementById('left');
  if (left) {
    const end_ms = performance.now() + Number(left.dataset.s) * 1000;
    const two = (n) => String(n).padStart(2, '0');
    const tick = () => {
      const s = Math.max(0, Math.ceil((end_ms - performance.now()) / 1000));
      const hours = Math.floor(s / 3600);
      left.textContent = `${hours ? `${hours}:` : ''}${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
      setTimeout(s > 0 ? tick : () => fresh(''), 1000);
    };
    tick();
  }

  // The server tells when something changed, and draws the new page itself.
  function changed(stamp) {
    // While a wallet is open, only the end of the payment takes the page away from under it.
    const seen = data.watch === 'state' ? stamp.split('.')[0] : stamp;
    if (seen !== data.stamp) fresh(data.keep || '');
  }

  let polling = false;
  function poll() {
    if (polling) return;
    polling = true;
    let wait_ms = 1500;
    const ask = () => {
      void fetch(`${here}/status`)
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .then((said) => {
          wait_ms = 1500;
          changed(said.stamp);
        })
        .catch(() => {
          wait_ms = Math.min(wait_ms * 2, 15000);
        })
        .then(() => {
          if (!moved) setTimeout(ask, wait_ms);
        });
    };
    ask();
  }

  function watch() {
    if (!window.EventSource) return poll();
    const source = new EventSource(`${here}/events`);
    let failures = 0;
    source.addEventListener('stamp', (event) => {
      failures = 0;
      changed(event.data);
    });
    source.onerror = () => {
      failures += 1;
      // The browser connects again by itself, unless it was told not to; behind some proxies no stream comes through.
      if (source.readyState !== EventSource.CLOSED && failures < 3) return;
      source.close();
      poll();
    };
    // A phone that slept while its wallet was open may have missed what happened.
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) poll();
    });
  }
  if (data.watch) watch();

  // What the wallet is asked to do. Its answer is a hint only: the page asks the server.
  const ready = (name, then) => (window[name] ? then() : document.addEventListener(`${name}Ready`, then, { once: true }));
  const returned = (cancelled) => fresh(cancelled ? 'back=cancel' : 'back=1');
  const bridges = {
    'WeixinJSBridge.getBrandWCPayRequest': (params) =>
      ready('WeixinJSBridge', () => window.WeixinJSBridge.invoke('getBrandWCPayRequest', params, (result) => returned(/:cancel$/.test(result.err_msg)))),
    'AlipayJSBridge.tradePay': (params) =>
      ready('AlipayJSBridge', () => window.AlipayJSBridge.call('tradePay', params, (result) => returned(String(result.resultCode) === '6001'))),
  };
  if (data.action) {
    // Loading the page again must not open the wallet again by itself.
    history.replaceState(null, '', data.lang ? `${here}?lang=${data.lang}` : here);
    const action = JSON.parse(data.action);
    if (action.type === 'invoke') {
      const start = () => bridges[action.api] && bridges[action.api](action.params);
      document.getElementById('again').addEventListener('click', start);
      start();
    }
    // A page that came from a form leaves no trace in the history; a page that waits for a wallet can be come back to.
    if (action.type === 'hop') go(action.url);
    if (action.type === 'redirect') location.assign(action.url);
    if (action.type === 'submit_form') document.getElementById('out').submit();
  }
  if (data.back) setTimeout(() => go(data.back), 3000);
  // Where something is to be typed, that comes first.
  const heading = document.querySelector('h1[tabindex]');
  if (heading && !document.querySelector('[autofocus]')) heading.focus();
})();
