import { useCallback, useEffect, useRef, useState } from 'react';
import { typed, yuan } from './amount.ts';
import type { Charge, Till } from './api.ts';
import { Camera } from './camera.tsx';
import { useLanguage, useText } from './language.tsx';
import { newNo } from './order.ts';
import { walletName } from './texts.ts';

const keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '00', '0'] as const;
/** A scanner sends its keys some milliseconds apart, a weak one over Bluetooth with gaps; keys further apart than this are not one code. */
const scanner_pause_ms = 500;
const payment_code = /^[0-9A-Za-z]{16,64}$/;

type Props = {
  readonly till: Till;
  readonly begin: (charge: Charge) => void;
  /** The order whose next try this is: its amount stands. */
  readonly again: Charge | undefined;
  /** Back to that order, to give it up. */
  readonly back: () => void;
};

/** Keypad, scanner and the codes that can be shown. */
export function ChargeScreen({ till, begin, again, back }: Props) {
  const t = useText();
  const [fen, setFen] = useState(again?.amount_fen ?? 0);
  const [code, setCode] = useState('');
  const [camera, setCamera] = useState(false);
  const start = useCallback(
    (how: { auth_code: string } | { qr_method: string }) => {
      if (fen > 0) begin({ order_no: newNo(), try_no: 1, amount_fen: fen, ...how });
    },
    [fen, begin],
  );
  const chargeCode = useCallback((auth_code: string) => start({ auth_code }), [start]);
  useScanner(chargeCode, !camera);
  const is_code = payment_code.test(code);
  if (camera) return <Camera onCode={chargeCode} onClose={() => setCamera(false)} />;
  return (
    <section className="charge">
      <output className="amount" aria-label={t('amount')}>
        ¥{yuan(fen)}
      </output>
      <p className="hint">{t('scan_hint')}</p>
      {again && (
        <button type="button" onClick={back}>
          {t('back')}
        </button>
      )}
      <div className="keypad" hidden={again !== undefined}>
        {keys.map((key) => (
          <button type="button" key={key} onClick={() => setFen((now) => typed(now, key))}>
            {key}
          </button>
        ))}
        <button type="button" aria-label={t('backspace')} onClick={() => setFen((now) => Math.trunc(now / 10))}>
          ⌫
        </button>
      </div>
      <form
        className="code"
        onSubmit={(event) => {
          event.preventDefault();
          if (is_code) chargeCode(code);
        }}
      >
        <label>
          {t('code_label')}
          <input inputMode="numeric" autoComplete="off" value={code} onChange={(event) => setCode(event.target.value.replace(/\s/g, ''))} />
        </label>
        <button type="submit" className="primary" disabled={fen === 0 || !is_code}>
          {t('charge_code')}
        </button>
      </form>
      <div className="ways">
        <button type="button" disabled={fen === 0} onClick={() => setCamera(true)}>
          {t('camera')}
        </button>
        {!again && till.qr_methods.some(({ method }) => method === 'qr') && (
          <button type="button" disabled={fen === 0} onClick={() => start({ qr_method: 'qr' })}>
            {t('show_qr')}
          </button>
        )}
      </div>
      <OtherCodes till={till} disabled={fen === 0} choose={(qr_method) => start({ qr_method })} />
    </section>
  );
}

/** Codes that one wallet alone can scan: seldom wanted where there is one for all. */
function OtherCodes({ till, disabled, choose }: { readonly till: Till; readonly disabled: boolean; readonly choose: (qr_method: string) => void }) {
  const t = useText();
  const { language } = useLanguage();
  const codes = till.qr_methods.filter(({ method }) => method !== 'qr');
  if (codes.length === 0) return null;
  return (
    <details className="other-codes">
      <summary>{t('other_codes')}</summary>
      <div className="ways">
        {codes.map(({ method, wallet }) => (
          <button type="button" key={method} disabled={disabled} onClick={() => choose(method)}>
            {walletName(language, wallet)}
          </button>
        ))}
      </div>
    </details>
  );
}

/** Scanners over USB and Bluetooth are keyboards: digits in a burst, and Enter behind them. */
function useScanner(onCode: (code: string) => void, listens: boolean): void {
  const burst = useRef({ text: '', at: 0 });
  useEffect(() => {
    if (!listens) return;
    const hear = (event: KeyboardEvent) => {
      // In a field the field hears it, and its form sends it.
      if (event.target instanceof HTMLInputElement) return;
      // When the key was struck, not when a busy page came to it.
      const fresh = event.timeStamp - burst.current.at > scanner_pause_ms;
      const text = fresh ? '' : burst.current.text;
      if (event.key === 'Enter' && text !== '') {
        // The end of a scan, even of one that lost keys, must not press the key of the amount that was pressed last.
        event.preventDefault();
        burst.current = { text: '', at: 0 };
        if (payment_code.test(text)) onCode(text);
      } else if (/^[0-9A-Za-z]$/.test(event.key)) burst.current = { text: text + event.key, at: event.timeStamp };
    };
    addEventListener('keydown', hear);
    return () => removeEventListener('keydown', hear);
  }, [onCode, listens]);
}
