import { type CheckoutMode, type Method, methods, type Wallet, walletEntry } from '@heliu/contract';
import type { Browser } from './browser.ts';

/** What a page offers: buttons for methods of this browser, and a code for the wallets of a phone. */
export type Ways = {
  readonly methods: readonly Method[];
  /** The wallets that can pay after scanning the page's code. */
  readonly scanned_by: readonly Wallet[];
  /** Whether that code is shown: not to whoever would have to scan their own phone. */
  readonly shows_code: boolean;
};

export type WaysInput = {
  readonly browser: Browser;
  readonly mode: CheckoutMode;
  /** What the merchant's accounts take and the session allows. */
  readonly available: readonly Method[];
  /** Wallets inside which the payer can be found out. */
  readonly identified: ReadonlySet<Wallet>;
};

const sceneOf = (method: Method): string => methods[method].scene;
const walletOf = (method: Method): Wallet => methods[method].wallet;

/** A wallet's own page pays with that wallet; a phone's browser opens one; a computer shows a code and opens web pages. */
export function waysOf({ browser, mode, available, identified }: WaysInput): Ways {
  const bridged = available.filter((method) => sceneOf(method) === 'jsapi' && identified.has(walletOf(method)));
  const opened = available.filter((method) => sceneOf(method) === 'h5' && walletEntry(walletOf(method)).opens_web_pages === true);
  const inside = [...bridged, ...opened.filter((method) => !bridged.some((other) => walletOf(other) === walletOf(method)))];
  const scanned_by = [...new Set(inside.map(walletOf))];
  if (browser.wallet !== undefined) return { methods: inside.filter((method) => walletOf(method) === browser.wallet), scanned_by, shows_code: false };
  if (mode === 'in_store') return { methods: [], scanned_by, shows_code: scanned_by.length > 0 };
  if (browser.device === 'phone') return { methods: available.filter((method) => sceneOf(method) === 'h5'), scanned_by, shows_code: false };
  // Where a wallet cannot pay on the page itself, a code of its own still can be scanned.
  const isShown = (wallet: Wallet): boolean => scanned_by.includes(wallet) || (wallet === 'aggregate' && scanned_by.length > 0);
  const own_codes = available.filter((method) => sceneOf(method) === 'qr' && !isShown(walletOf(method)));
  return { methods: [...own_codes, ...available.filter((method) => sceneOf(method) === 'page')], scanned_by, shows_code: scanned_by.length > 0 };
}

/** Whether a browser is told to scan with another app instead. */
export const isUnsupported = ({ methods, shows_code }: Ways): boolean => methods.length === 0 && !shows_code;
