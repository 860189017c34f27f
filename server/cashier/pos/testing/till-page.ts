import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import type { World } from '../../../testing/world.ts';

/** A till in a browser as a cashier sees and handles it. Time passes while the browser works. */
export type TillPage = {
  readonly page: Page;
  readonly flow: World['flow'];
  /** What the browser complained of: scripts that failed, and what the page's policy stopped. */
  readonly problems: readonly string[];
  readonly sees: (text: string | RegExp) => Promise<void>;
  readonly press: (name: string | RegExp) => Promise<void>;
  readonly enter: (keys: string) => Promise<void>;
  /** As a scanner does: keys 10 ms apart, struck without waiting for the page, and Enter. */
  readonly scan: (code: string) => Promise<void>;
};

export async function openTillPage({ flow }: Pick<World, 'flow'>, context: BrowserContext): Promise<TillPage> {
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const keyboard: CDPSession = await context.newCDPSession(page);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_INTERNET/.test(message.text())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  const press: TillPage['press'] = (name) =>
    flow(
      page
        .getByRole('button', { name, exact: typeof name === 'string' })
        .first()
        .click(),
    );
  return {
    page,
    flow,
    problems,
    press,
    sees: (text) => flow(page.getByText(text).first().waitFor()),
    async enter(keys) {
      for (const key of keys) await press(key);
    },
    async scan(code) {
      const keys = [...code].map((key) => ({ key, text: key }));
      const began_s = Date.now() / 1000;
      const struck = [...keys, { key: 'Enter', text: '\r' }].flatMap(({ key, text }, index) => {
        const timestamp = began_s + index / 100;
        return [
          keyboard.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text, timestamp }),
          keyboard.send('Input.dispatchKeyEvent', { type: 'keyUp', key, timestamp }),
        ];
      });
      await flow(Promise.all(struck));
    },
  };
}
