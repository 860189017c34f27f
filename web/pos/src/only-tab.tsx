import { type ReactNode, useEffect, useState } from 'react';
import { LanguageButton, useText } from './language.tsx';

const lock_name = 'heliu-pos-till';
/** A page that came without https has no locks. */
const can_lock = 'locks' in navigator;

/**
 * One tab of a device is its till at a time: two would write over each other's order, and a reload of the first would show
 * the order of the second. Another tab waits until that one is closed, or takes over, which puts the first one to rest.
 */
export function OnlyTab({ children }: { readonly children: ReactNode }) {
  const t = useText();
  const [state, setState] = useState<'asking' | 'till' | 'elsewhere'>(can_lock ? 'asking' : 'till');
  const [takes, setTakes] = useState(0);
  useEffect(() => {
    if (!can_lock) return;
    let leave = () => {};
    let gone = false;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const hold = (): Promise<void> | undefined => {
      if (gone) return undefined;
      setState('till');
      return left;
    };
    /** Whoever holds it may be closed, and rejects us by taking it over. */
    const wait = async (): Promise<void> => {
      if (gone) return;
      setState('elsewhere');
      await navigator.locks.request(lock_name, hold).catch(wait);
    };
    const ask = async (): Promise<void> => {
      if (takes > 0) return navigator.locks.request(lock_name, { steal: true }, hold);
      let is_free = false;
      await navigator.locks.request(lock_name, { ifAvailable: true }, (lock) => {
        is_free = lock !== null;
        return lock ? hold() : undefined;
      });
      if (!is_free) await wait();
    };
    void ask().catch(wait);
    return () => {
      gone = true;
      leave();
    };
  }, [takes]);
  if (state === 'till') return children;
  return (
    <main className="pairing">
      {state === 'elsewhere' && (
        <>
          <header>
            <h1>{t('title')}</h1>
            <LanguageButton />
          </header>
          <p role="status">{t('elsewhere')}</p>
          <button type="button" className="primary" onClick={() => setTakes((times) => times + 1)}>
            {t('take_over')}
          </button>
        </>
      )}
    </main>
  );
}
