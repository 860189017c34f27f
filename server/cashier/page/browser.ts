import { type Wallet, walletEntry, wallets } from '@heliu/contract';

/** What opened the page: a wallet's own browser, another app that pays nothing here, or an ordinary browser. */
export type Browser = { readonly wallet: Wallet | 'none_of_ours' | undefined; readonly device: 'phone' | 'pc' };

/** Apps whose browser opens pages and pays none of them, looked for before the wallets: the chat of companies says that it is WeChat too. */
const other_apps = ['wxwork/', 'baiduboxapp', 'baiduwallet', 'meituan', 'aweme', 'bytedance'];

/** A User-Agent longer than any real one is looked at up to here. */
const user_agent_length_max = 1024;

export function readBrowser(user_agent: string | undefined): Browser {
  const text = ` ${(user_agent ?? '').slice(0, user_agent_length_max).toLowerCase()}`;
  const device = /mobile|android|iphone|ipod|harmony/.test(text) && !/ipad|windows nt|macintosh/.test(text) ? 'phone' : 'pc';
  if (other_apps.some((mark) => text.includes(mark))) return { wallet: 'none_of_ours', device };
  const wallet = (Object.keys(wallets) as Wallet[]).find((name) => walletEntry(name).marks.some((mark) => text.includes(mark)));
  return { wallet, device };
}
