import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Served, start } from '../serve.ts';
import { createTestDatabase } from './database.ts';
import { freePort } from './installation.ts';

/** A sandbox as `npm start` opens it, on a database and a folder of its own. */
export type OpenedSandbox = Pick<Served, 'url'> & { readonly data_dir: string; readonly close: () => Promise<void> };

/** `settings` beside the usual ones. */
export async function openSandbox(settings: Readonly<Record<string, string>> = {}): Promise<OpenedSandbox> {
  const data_dir = mkdtempSync(join(tmpdir(), 'heliu-sandbox-'));
  const database = await createTestDatabase();
  const giveBack = async () => {
    await database.drop();
    rmSync(data_dir, { recursive: true, force: true });
  };
  try {
    const usual = {
      HELIU_MODE: 'sandbox',
      HELIU_HOST: '127.0.0.1',
      // The sandbox tells its gateways its address before it listens.
      HELIU_PORT: String(await freePort()),
      HELIU_DATA_DIR: data_dir,
      HELIU_DATABASE_URL: database.database_url.expose(),
      HELIU_LOG_LEVEL: 'silent',
    };
    const served = await start({ ...usual, ...settings }, data_dir);
    return {
      url: served.url,
      data_dir,
      close: async () => {
        await served.stop();
        await giveBack();
      },
    };
  } catch (error) {
    await giveBack();
    throw error;
  }
}
