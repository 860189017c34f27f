import { useEffect, useMemo } from 'react';
import { renderSVG } from 'uqr';
import { yuan } from './amount.ts';
import type { Till } from './api.ts';
import { useLanguage, useText } from './language.tsx';
import type { Open } from './order.ts';
import { Receipt } from './receipt.tsx';
import type { TextName } from './texts.ts';

type Shown = 'sending' | 'doubt' | 'waiting' | 'show_qr_wait' | 'paid' | 'refused' | 'cancelling' | 'closed' | 'refunded';

/** One word for the cashier. A charge that nobody has answered is still being made, and one that nobody tells about is in doubt: neither is refused. */
function shownOf({ order, refusal, doubt, giving_up }: Open): Shown {
  if (giving_up === 'never_sent') return 'closed';
  if (doubt) return 'doubt';
  if (refusal) return 'refused';
  if (!order) return giving_up ? 'cancelling' : 'sending';
  if (order.outcome === 'show_qr') return giving_up ? 'cancelling' : 'show_qr_wait';
  if (order.outcome === 'waiting' || order.outcome === 'refused') return giving_up ? 'cancelling' : order.outcome;
  return order.outcome;
}

type Props = {
  readonly till: Till;
  readonly open: Open;
  readonly giveUp: () => void;
  readonly finish: () => void;
  readonly scanAgain: () => void;
  readonly askAgain: () => void;
};

/** The result, big enough to be read from the other side of the counter. */
export function ResultScreen({ till, open, giveUp, finish, scanAgain, askAgain }: Props) {
  const t = useText();
  const { language } = useLanguage();
  const shown = shownOf(open);
  const { order, refusal, doubt, offline, charge } = open;
  useEffect(() => play(shown), [shown]);
  const content = shown === 'show_qr_wait' ? order?.payment.next_action.qr_content : undefined;
  const qr = useMemo(() => content && `data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(content, { ecc: 'M', border: 4 }))}`, [content]);
  const said = doubt ?? refusal;
  const reason = said
    ? language === 'zh'
      ? said.zh
      : said.en
    : language === 'zh'
      ? order?.payment.attempt?.refusal?.message_zh
      : order?.payment.attempt?.refusal?.message;
  // A code that no wallet knows made no order: the next scan makes it.
  const can_scan_again = shown === 'refused' && (!refusal || refusal.code.startsWith('payment_code_'));
  const busy = shown === 'sending' || shown === 'waiting' || shown === 'show_qr_wait' || shown === 'cancelling';
  return (
    <section className={`result ${shown}`}>
      <p className="amount">¥{yuan(charge.amount_fen)}</p>
      <p className="word" role="status" aria-live="assertive">
        {t(shown satisfies TextName)}
      </p>
      {(shown === 'refused' || shown === 'doubt') && reason && <p>{reason}</p>}
      {offline && (
        <p role="alert" className="offline">
          {t('offline')}
        </p>
      )}
      {qr && <img className="qr" src={qr} alt={t('show_qr_wait')} />}
      <div className="ways">
        {busy && shown !== 'cancelling' && (
          <button type="button" onClick={giveUp}>
            {t('give_up')}
          </button>
        )}
        {shown === 'doubt' && (
          <button type="button" className="primary" onClick={askAgain}>
            {t('ask_again')}
          </button>
        )}
        {can_scan_again && (
          <button type="button" className="primary" onClick={scanAgain}>
            {t('scan_again')}
          </button>
        )}
        {shown === 'refused' && !refusal && (
          <button type="button" onClick={giveUp}>
            {t('give_up')}
          </button>
        )}
        {(!busy && shown !== 'refused') || refusal ? (
          <button type="button" className={shown === 'doubt' || can_scan_again ? '' : 'primary'} onClick={finish}>
            {t('next')}
          </button>
        ) : null}
      </div>
      {shown === 'paid' && order && <Receipt till={till} order={order} />}
    </section>
  );
}

/** Rising for money that came, falling for none: heard without looking. */
const tunes: Partial<Record<Shown, readonly number[]>> = { paid: [660, 880], refused: [330, 220], closed: [440, 330], doubt: [330, 330] };

function play(shown: Shown): void {
  const tune = tunes[shown];
  if (!tune || !('AudioContext' in globalThis)) return;
  const audio = new AudioContext();
  for (const [at, frequency] of tune.entries()) {
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(audio.destination);
    tone.start(audio.currentTime + at * 0.16);
    tone.stop(audio.currentTime + at * 0.16 + 0.14);
  }
  setTimeout(() => void audio.close(), 1_000);
}
