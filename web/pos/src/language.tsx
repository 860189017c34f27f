import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Language, type TextName, textIn } from './texts.ts';

const kept_as = 'heliu-pos-language';
const LanguageContext = createContext<{ language: Language; switchLanguage: () => void }>({ language: 'zh', switchLanguage: () => {} });

/** 中文 unless the cashier, or the device, wants English. */
const first = (): Language => {
  const kept = localStorage.getItem(kept_as);
  if (kept === 'zh' || kept === 'en') return kept;
  return navigator.language.startsWith('zh') || navigator.language === '' ? 'zh' : 'en';
};

export function LanguageOf({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(first);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  const value = useMemo(() => {
    const other = language === 'zh' ? 'en' : 'zh';
    const switchLanguage = () => {
      localStorage.setItem(kept_as, other);
      setLanguage(other);
    };
    return { language, switchLanguage };
  }, [language]);
  return <LanguageContext value={value}>{children}</LanguageContext>;
}

export const useLanguage = () => useContext(LanguageContext);

export function useText(): (name: TextName) => string {
  const { language } = useLanguage();
  return (name) => textIn(language, name);
}

export function LanguageButton() {
  const { language, switchLanguage } = useLanguage();
  return (
    <button type="button" className="language" onClick={switchLanguage}>
      {language === 'zh' ? 'English' : '中文'}
    </button>
  );
}
