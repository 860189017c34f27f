import { useCallback, useEffect, useMemo, useState } from 'react';
import { type Charge, createApi, pair, ServerRefusal, type Till } from './api.ts';
import { ChargeScreen } from './charge.tsx';
import { LanguageButton, useLanguage, useText } from './language.tsx';
import { OnlyTab } from './only-tab.tsx';
import { useOrder } from './order.ts';
import { ResultScreen } from './result.tsx';
import { ShiftScreen } from './shift.tsx';
import { type Word, wordOf } from './texts.ts';
import { TodayScreen } from './today.tsx';

const token_kept_as = 'heliu-pos-device';
const till_kept_as = 'heliu-pos-till';

/** Pairing first, the till from then on. */
export function App() {
  const [token, setToken] = useState(() => localStorage.getItem(token_kept_as));
  const forget = useCallback(() => {
    localStorage.removeItem(token_kept_as);
    localStorage.removeItem(till_kept_as);
    setToken(null);
  }, []);
  const paired = (fresh: string) => {
    localStorage.setItem(token_kept_as, fresh);
    setToken(fresh);
  };
  if (token === null) return <PairScreen paired={paired} />;
  return (
    <OnlyTab>
      <TillScreen token={token} forget={forget} />
    </OnlyTab>
  );
}

function PairScreen({ paired }: { readonly paired: (token: string) => void }) {
  const t = useText();
  const { language } = useLanguage();
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [word, setWord] = useState<Word>();
  const send = () =>
    void pair(code, name.trim()).then(
      ({ token }) => paired(token),
      (error: unknown) => setWord(error instanceof ServerRefusal ? error : wordOf('offline')),
    );
  return (
    <main className="pairing">
      <header>
        <h1>{t('title')}</h1>
        <LanguageButton />
      </header>
      <form
        className="sheet"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <h2>{t('pair_title')}</h2>
        <p className="hint">{t('pair_hint')}</p>
        <label>
          {t('pair_code')}
          <input value={code} autoCapitalize="characters" autoComplete="one-time-code" maxLength={24} onChange={(event) => setCode(event.target.value)} />
        </label>
        <label>
          {t('device_name')}
          <input value={name} maxLength={60} onChange={(event) => setName(event.target.value)} />
        </label>
        {word && <p role="alert">{word[language]}</p>}
        <button type="submit" className="primary" disabled={code.replace(/[\s-]/g, '').length < 10 || name.trim() === ''}>
          {t('pair')}
        </button>
      </form>
    </main>
  );
}

const tabs = ['charge', 'today', 'shift'] as const;

function TillScreen({ token, forget }: { readonly token: string; readonly forget: () => void }) {
  const t = useText();
  const { language } = useLanguage();
  const api = useMemo(() => createApi(token), [token]);
  const { till, word } = useTill(api);
  const { open, begin, giveUp, finish, askAgain } = useOrder(api, token.slice(-12));
  const [tab, setTab] = useState<(typeof tabs)[number]>('charge');
  // The next scan of the same order is its next try.
  const [again, setAgain] = useState<Charge>();
  const beginAgain = useCallback(
    (fresh: Charge) => {
      begin(again ? { ...fresh, order_no: again.order_no, try_no: again.try_no + 1, amount_fen: again.amount_fen } : fresh);
      setAgain(undefined);
    },
    [again, begin],
  );
  if (!till) {
    return (
      <main className="pairing">
        <p role="status">{word ? word[language] : t('loading')}</p>
        {word?.revoked && (
          <button type="button" className="primary" onClick={forget}>
            {t('pair_title')}
          </button>
        )}
      </main>
    );
  }
  const showing = open && !again;
  return (
    <main>
      <header>
        <h1>
          {till.merchant_name}
          <small>
            {till.store_name} · {till.terminal_name}
          </small>
        </h1>
        {!till.livemode && <span className="tag refused">{t('test_mode')}</span>}
        <LanguageButton />
      </header>
      {!open && (
        <nav>
          {tabs.map((each) => (
            <button type="button" key={each} aria-current={tab === each ? 'page' : undefined} onClick={() => setTab(each)}>
              {t(`tab_${each}`)}
            </button>
          ))}
        </nav>
      )}
      {showing ? (
        <ResultScreen till={till} open={open} giveUp={giveUp} finish={finish} scanAgain={() => setAgain(open.charge)} askAgain={askAgain} />
      ) : again || tab === 'charge' ? (
        <ChargeScreen till={till} begin={beginAgain} again={again} back={() => setAgain(undefined)} />
      ) : tab === 'today' ? (
        <TodayScreen api={api} till={till} />
      ) : (
        <ShiftScreen api={api} />
      )}
    </main>
  );
}

const till_retry_ms = 3_000;
type TillWord = Word & { readonly revoked?: boolean };

/** What this till is. The last answer is kept, so that a reload without a network still shows the order that is open. */
function useTill(api: ReturnType<typeof createApi>): { readonly till: Till | undefined; readonly word: TillWord | undefined } {
  const [till, setTill] = useState<Till | undefined>(() => JSON.parse(localStorage.getItem(till_kept_as) ?? 'null') ?? undefined);
  const [word, setWord] = useState<TillWord>();
  useEffect(() => {
    let stopped = false;
    const load = async () => {
      while (!stopped) {
        try {
          const fresh = await api.till();
          localStorage.setItem(till_kept_as, JSON.stringify(fresh));
          setWord(undefined);
          return setTill(fresh);
        } catch (error) {
          if (error instanceof ServerRefusal && error.code === 'device_unauthenticated') {
            setTill(undefined);
            return setWord({ ...wordOf('revoked'), revoked: true });
          }
          // A terminal that is closed or a merchant that is suspended says so, and may come back.
          if (error instanceof ServerRefusal && error.code !== 'rate_limited') {
            setTill(undefined);
            setWord(error);
          } else setWord(wordOf('offline'));
          await new Promise((resolve) => setTimeout(resolve, till_retry_ms));
        }
      }
    };
    void load();
    return () => {
      stopped = true;
    };
  }, [api]);
  return { till, word };
}
