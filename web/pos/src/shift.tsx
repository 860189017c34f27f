import { useEffect, useState } from 'react';
import { yuan } from './amount.ts';
import { type Api, ServerRefusal, type Shift } from './api.ts';
import { useLanguage, useText } from './language.tsx';
import { walletName } from './texts.ts';

/** What the terminal took since the last hand-over, and the hand-over itself. */
export function ShiftScreen({ api }: { readonly api: Api }) {
  const t = useText();
  const { language } = useLanguage();
  const [shift, setShift] = useState<Shift>();
  const [cashier, setCashier] = useState('');
  const [word, setWord] = useState<string>();
  const fail = (error: unknown) => setWord(error instanceof ServerRefusal ? (language === 'zh' ? error.zh : error.en) : t('offline'));
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is read once, and the words of a failure may stay in their language
  useEffect(() => void api.shift().then(setShift, fail), [api]);
  const handOver = () =>
    void api.handOver(cashier.trim()).then((closed) => {
      setShift(closed);
      setWord(t('handed_over'));
    }, fail);
  if (!shift) return <p className="hint">{word ?? t('loading')}</p>;
  const time = (at: string) => new Date(at).toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB', { timeZone: 'Asia/Shanghai' });
  return (
    <section className="sheet">
      <p>
        {t('since')} {time(shift.opened_at)}
        {shift.closed_at && (
          <>
            <br />
            {t('until')} {time(shift.closed_at)} · {shift.cashier}
          </>
        )}
      </p>
      {shift.totals.length === 0 ? (
        <p className="hint">{t('no_totals')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('wallet')}</th>
              <th scope="col">{t('paid_total')}</th>
              <th scope="col">{t('refund_total')}</th>
            </tr>
          </thead>
          <tbody>
            {shift.totals.map(({ wallet, paid_count, paid_fen, refund_count, refunded_fen }) => (
              <tr key={wallet}>
                <th scope="row">{walletName(language, wallet)}</th>
                <td>
                  ¥{yuan(paid_fen)} × {paid_count}
                </td>
                <td>
                  ¥{yuan(refunded_fen)} × {refund_count}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {word && <p role="status">{word}</p>}
      {!shift.closed_at && (
        <div className="ways">
          <label>
            {t('cashier')}
            <input value={cashier} maxLength={30} onChange={(event) => setCashier(event.target.value)} />
          </label>
          <button type="button" className="primary" disabled={cashier.trim() === ''} onClick={handOver}>
            {t('hand_over')}
          </button>
        </div>
      )}
    </section>
  );
}
