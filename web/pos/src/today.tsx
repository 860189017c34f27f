import { useCallback, useEffect, useState } from 'react';
import { readYuan, yuan } from './amount.ts';
import { type Api, type Order, ServerRefusal, type Till } from './api.ts';
import { Failed } from './failed.tsx';
import { useLanguage, useText } from './language.tsx';
import { forgetRefundNo, refundNoOf } from './refund-no.ts';
import { type Word, walletName, wordOf } from './texts.ts';

/** The terminal's orders of today, and the way to give one back. */
export function TodayScreen({ api, till }: { readonly api: Api; readonly till: Till }) {
  const t = useText();
  const { language } = useLanguage();
  const [orders, setOrders] = useState<readonly Order[]>();
  const [problem, setProblem] = useState<Word>();
  const [chosen, setChosen] = useState<Order>();
  const load = useCallback(
    () =>
      void api.today().then(
        ({ data }) => {
          setOrders(data);
          setProblem(undefined);
        },
        // A list that did not come is not an empty one, and one that is shown may be old.
        (error: unknown) => setProblem(error instanceof ServerRefusal ? error : wordOf('not_loaded')),
      ),
    [api],
  );
  useEffect(load, [load]);
  if (chosen) {
    const close = () => {
      setChosen(undefined);
      load();
    };
    return <RefundForm api={api} order={chosen} close={close} />;
  }
  const failed = problem && <Failed word={problem} again={load} />;
  if (!orders) return failed ?? <p className="hint">{t('loading')}</p>;
  if (orders.length === 0) return failed ?? <p className="hint">{t('empty')}</p>;
  return (
    <>
      {failed}
      <ul className="orders">
        {orders.map((order) => {
          const { payment, outcome } = order;
          const refundable = payment.paid_fen - payment.refunded_fen - payment.refunding_fen;
          return (
            <li key={order.order_no}>
              <span>
                <strong>¥{yuan(payment.amount_fen)}</strong> {walletName(language, payment.attempt?.method.split('_')[0] ?? '')}
                <small>
                  {new Date(payment.created_at).toLocaleTimeString(language === 'zh' ? 'zh-CN' : 'en-GB', { timeZone: 'Asia/Shanghai' })} ·{' '}
                  {order.order_no.slice(-6)}
                  {payment.refunded_fen + payment.refunding_fen > 0 && ` · ${t('refund')} ¥${yuan(payment.refunded_fen + payment.refunding_fen)}`}
                </small>
              </span>
              <span className={`tag ${outcome}`}>{t(outcome === 'show_qr' ? 'show_qr_wait' : outcome)}</span>
              {refundable > 0 && till.refund_fen_max > 0 && (
                <button type="button" onClick={() => setChosen(order)}>
                  {t('refund')}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

function RefundForm({ api, order, close }: { readonly api: Api; readonly order: Order; readonly close: () => void }) {
  const t = useText();
  const { language } = useLanguage();
  const { payment } = order;
  const [amount, setAmount] = useState(yuan(payment.paid_fen - payment.refunded_fen - payment.refunding_fen));
  const [pin, setPin] = useState('');
  const [word, setWord] = useState<Word>();
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState(false);
  const amount_fen = readYuan(amount);
  const send = async () => {
    if (amount_fen === undefined) return;
    setBusy(true);
    try {
      await api.refund({ order_no: order.order_no, refund_no: refundNoOf(order.order_no), amount_fen, pin });
      forgetRefundNo(order.order_no);
      setMade(true);
      setWord(wordOf('refund_made'));
    } catch (error) {
      // An earlier press with another amount had arrived: the list shows it, and the next press is a refund of its own.
      if (error instanceof ServerRefusal && error.code === 'merchant_refund_no_taken') forgetRefundNo(order.order_no);
      setWord(error instanceof ServerRefusal ? error : wordOf('not_answered'));
    } finally {
      setPin('');
      setBusy(false);
    }
  };
  return (
    <form
      className="sheet"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <h2>
        {t('refund')} · ¥{yuan(payment.paid_fen)}
      </h2>
      {!made && (
        <>
          <label>
            {t('refund_amount')}
            <input inputMode="decimal" value={amount} onChange={(event) => setAmount(event.target.value)} />
          </label>
          <label>
            {t('pin')}
            <input type="password" inputMode="numeric" autoComplete="off" value={pin} onChange={(event) => setPin(event.target.value.replace(/\D/g, ''))} />
          </label>
        </>
      )}
      {word && <p role="status">{word[language]}</p>}
      <div className="ways">
        {!made && (
          <button type="submit" className="primary" disabled={busy || amount_fen === undefined || pin.length < 6}>
            {t('confirm_refund')}
          </button>
        )}
        <button type="button" onClick={close}>
          {t('back')}
        </button>
      </div>
    </form>
  );
}
