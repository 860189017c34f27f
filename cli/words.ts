/** Languages of the commands. Both texts stand side by side at each place, so that neither is forgotten. */
export type Lang = 'en' | 'zh';
export type Say = (en: string, zh: string) => string;

export const sayIn =
  (lang: Lang): Say =>
  (en, zh) =>
    lang === 'zh' ? zh : en;

/** `--lang` before the environment's locale, as `LC_ALL`, `LC_MESSAGES` and `LANG` give it. */
export function chooseLang(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Lang {
  const at = args.findIndex((arg) => arg === '--lang' || arg.startsWith('--lang='));
  const asked = at < 0 ? undefined : (args[at]?.split('=')[1] ?? args[at + 1]);
  const locale = asked ?? (env.LC_ALL || env.LC_MESSAGES || env.LANG || 'en');
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

/** The headings that commander writes over the parts of a help page. */
const titles: Readonly<Record<string, string>> = {
  'Usage:': '用法：',
  'Options:': '选项：',
  'Commands:': '命令：',
  'Arguments:': '参数：',
  'Global Options:': '通用选项：',
};

export const titleIn = (lang: Lang, title: string): string => (lang === 'zh' ? (titles[title] ?? title) : title);
