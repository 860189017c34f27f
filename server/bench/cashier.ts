import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { start } from '../serve.ts';
import { chromium_advice, findChromium } from '../testing/chromium.ts';
import { createTestDatabase } from '../testing/database.ts';
import { freePort } from '../testing/installation.ts';

/** What the payer's page may weigh in all, compressed: it has to be there within a second on a slow line. */
const weight_bytes_max = 60 * 1024;

const devices = {
  phone: { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1', viewport: { width: 360, height: 780 } },
  pc: { userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36', viewport: { width: 1280, height: 900 } },
} as const;

type Measured = { readonly requests: number; readonly raw_bytes: number; readonly gzip_bytes: number; readonly first_paint_ms: number };

/** Weighs the payer's page and measures its first paint in headless Chromium: the median of several loads without a cache. */
export async function benchCashier({ loads, say }: { readonly loads: number; readonly say: (line: string) => void }) {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(chromium_advice);
  const data_dir = mkdtempSync(join(tmpdir(), 'heliu-bench-'));
  const database = await createTestDatabase();
  const environment = {
    HELIU_MODE: 'sandbox',
    HELIU_HOST: '127.0.0.1',
    HELIU_PORT: String(await freePort()),
    HELIU_DATA_DIR: data_dir,
    HELIU_LOG_LEVEL: 'silent',
  };
  const served = await start({ ...environment, HELIU_DATABASE_URL: database.database_url.expose() }, data_dir);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
  try {
    const { api_key } = JSON.parse(readFileSync(join(data_dir, 'sandbox.json'), 'utf8')) as { api_key: string };
    const answer = await fetch(`${served.url}/v1/checkout_sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ merchant_order_no: 'bench', amount_fen: 128_050, subject: '手冲咖啡 Pour-over' }),
    });
    const { url } = (await answer.json()) as { url: string };
    const measured: Record<string, Measured> = {};
    for (const [name, device] of Object.entries(devices)) {
      const all: Measured[] = [];
      for (let load = 0; load < loads; load++) all.push(await loadOnce(device, url));
      measured[name] = all.toSorted((a, b) => a.first_paint_ms - b.first_paint_ms)[Math.floor(loads / 2)] as Measured;
      say(`${name}: ${JSON.stringify(measured[name])}`);
    }
    return { pages: measured, weight_bytes_max, good: Object.values(measured).every(({ gzip_bytes }) => gzip_bytes <= weight_bytes_max) };
  } finally {
    await browser.close();
    await served.stop();
    await database.drop();
    rmSync(data_dir, { recursive: true, force: true });
  }

  async function loadOnce(device: (typeof devices)[keyof typeof devices], url: string): Promise<Measured> {
    const context = await browser.newContext({ ...device, locale: 'zh-CN' });
    try {
      const page = await context.newPage();
      const bodies: Promise<Buffer>[] = [];
      page.on('response', (response) => {
        if (!response.url().endsWith('/events')) bodies.push(response.body().catch(() => Buffer.alloc(0)));
      });
      await page.goto(url, { waitUntil: 'load' });
      const paint = "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0].startTime)).observe({ type: 'paint', buffered: true }))";
      const first_paint_ms = Math.round(await page.evaluate<number>(paint));
      const received = await Promise.all(bodies);
      return {
        requests: received.length,
        raw_bytes: received.reduce((sum, body) => sum + body.length, 0),
        gzip_bytes: received.reduce((sum, body) => sum + gzipSync(body).length, 0),
        first_paint_ms,
      };
    } finally {
      await context.close();
    }
  }
}
