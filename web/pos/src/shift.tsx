import { useCallback, useEffect, useState } from 'react';
import { yuan } from './amount.ts';
import { type Api, ServerRefusal, type Shift } from './api.ts';
import { Failed } from './failed.tsx';
import { useLanguage, useText } from './language.tsx';
import { type Word, walletName, wordOf } from './texts.ts';

/** What the terminal took since the last hand-over, and the hand-over itself. */
export function ShiftScreen({ api }: { readonly api: Api }) {
  const t = useText();
  const { language } = useLanguage();
  const [shift, setShift] = useState<Shift>();
  const [cashier, setCashier] = useState('');
  const [word, setWord] = useState<Word>();
  const load = useCallback(() => {
    setWord(undefined);
    void api.shift().then(setShift, (error: unknown) => setWord(error instanceof ServerRefusal ? error : wordOf('not_loaded')));
  }, [api]);
  useEffect(load, [load]);
  // The shift is named: pressed again after a lost answer it is the same hand-over, with its totals, and no empty one behind it.
  const handOver = ({ opened_at }: Shift) =>
    void api.handOver(cashier.trim(), opened_at).then(
      (closed) => {
        setShift(closed);
        setWord(wordOf('handed_over'));
      },
      (error: unknown) => setWord(error instanceof ServerRefusal ? error : wordOf('not_answered')),
    );
  if (!shift) return word ? <Failed word={word} again={load} /> : <p className="hint">{t('loading')}</p>;
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
      {word && <p role="status">{word[language]}</p>}
      {!shift.closed_at && (
        <div className="ways">
          <label>
            {t('cashier')}
            <input value={cashier} maxLength={30} onChange={(event) => setCashier(event.target.value)} />
          </label>
          <button type="button" className="primary" disabled={cashier.trim() === ''} onClick={() => handOver(shift)}>
            {t('hand_over')}
          </button>
        </div>
      )}
    </section>
  );
}
