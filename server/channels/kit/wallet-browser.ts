import { readFileSync } from 'node:fs';

/**
 * A wallet's own browser, as far as pages can tell: its User-Agent, and the objects that it puts into every page. The
 * sandbox and tests put `script` into pages before any of their own runs, and the pages cannot know the difference.
 */
export type WalletBrowser = { readonly user_agent: string; readonly script: string };

const sheet = readFileSync(new URL('./wallet-sheet.js', import.meta.url), 'utf8');

/** The script of one wallet: the sheet that asks the payer, and the bridge that pages call. `base_url` is where the simulator listens. */
export const bridgeScript = (base_url: string, bridge: URL): string =>
  `(() => {\nconst base = ${JSON.stringify(base_url)};\n${sheet}\n${readFileSync(bridge, 'utf8')}\n})();\n`;

/** What the simulator tells the sheet of the order that a page handed to the wallet; `order_no` is the merchant's, as wallets show it on their bill. */
export type Handed =
  | { readonly order: { readonly token: string; readonly order_no: string; readonly title: string; readonly subject: string; readonly amount_fen: number } }
  | { readonly problem: string };
