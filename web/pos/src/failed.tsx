import { useLanguage, useText } from './language.tsx';
import type { Word } from './texts.ts';

/** What could not be read, and the way to read it again. */
export function Failed({ word, again }: { readonly word: Word; readonly again: () => void }) {
  const t = useText();
  const { language } = useLanguage();
  return (
    <div className="ways">
      <p role="alert">{word[language]}</p>
      <button type="button" onClick={again}>
        {t('try_again')}
      </button>
    </div>
  );
}
