import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CDPSession, chromium } from 'playwright-core';
import { start } from '../serve.ts';
import { chromium_advice, findChromium } from '../testing/chromium.ts';
import { createTestDatabase } from '../testing/database.ts';
import { freePort } from '../testing/installation.ts';

/** What the payer's page may weigh in all, as it comes over the line: it has to be there within a second on a slow one. */
const weight_bytes_max = 60 * 1024;

const phone = { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1', viewport: { width: 360, height: 780 } };
const pc = { userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36', viewport: { width: 1280, height: 900 } };
type Device = typeof phone;

/** The lines and processors under which each page is opened; `slow` is what Chromium's own tools call Fast 3G, on a cheap phone. */
const conditions = {
  plain: { latency_ms: 0, download_kbit_s: undefined, cpu_slowdown: 1 },
  slow: { latency_ms: 150, download_kbit_s: 1_600, cpu_slowdown: 4 },
} as const;
type Condition = (typeof conditions)[keyof typeof conditions];

type Load = {
  readonly requests: number;
  /** Headers and bodies, as they came over the line. */
  readonly transferred_bytes: number;
  readonly page_bytes: number;
  readonly first_paint_ms: number;
  readonly first_contentful_paint_ms: number;
};

/** Weighs the payer's pages and measures their first paint in headless Chromium: the median of several loads without a cache. */
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
    const { session_url, plate_url } = await makePages(served.url, api_key);
    const pages = {
      phone: { device: phone, url: session_url },
      pc: { device: pc, url: session_url },
      plate: { device: phone, url: plate_url },
    };
    const measured: Record<string, Record<string, Load>> = {};
    for (const [name, { device, url }] of Object.entries(pages)) {
      measured[name] = {};
      for (const [condition, line] of Object.entries(conditions)) {
        const all: Load[] = [];
        for (let load = 0; load < loads; load++) all.push(await loadOnce(device, url, line));
        const median = all.toSorted((a, b) => a.first_contentful_paint_ms - b.first_contentful_paint_ms)[Math.floor(loads / 2)] as Load;
        measured[name][condition] = median;
        say(`${name} ${condition}: ${JSON.stringify(median)}`);
      }
    }
    const weights = Object.values(measured).flatMap((each) => Object.values(each).map(({ transferred_bytes }) => transferred_bytes));
    return { pages: measured, conditions, loads, weight_bytes_max, good: weights.every((weight) => weight > 0 && weight <= weight_bytes_max) };
  } finally {
    await browser.close();
    await served.stop();
    await database.drop();
    rmSync(data_dir, { recursive: true, force: true });
  }

  async function loadOnce(device: Device, url: string, condition: Condition): Promise<Load> {
    const context = await browser.newContext({ ...device, locale: 'zh-CN' });
    try {
      const page = await context.newPage();
      const tools = await context.newCDPSession(page);
      await slowDown(tools, condition);
      // The stream of news stays open: it is no part of the first load.
      const weights = new Map<string, number>();
      tools.on('Network.responseReceived', ({ requestId, response }) => {
        if (!response.mimeType.includes('event-stream')) weights.set(requestId, 0);
      });
      tools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
        if (weights.has(requestId)) weights.set(requestId, encodedDataLength);
      });
      const answer = await page.goto(url, { waitUntil: 'load' });
      if (answer?.status() !== 200) throw new Error(`${url} answered ${answer?.status()}`);
      const paints =
        "new Promise((done) => new PerformanceObserver((list) => { const at = Object.fromEntries(list.getEntries().map(({ name, startTime }) => [name, startTime])); if (at['first-contentful-paint'] !== undefined) done(at); }).observe({ type: 'paint', buffered: true }))";
      const painted = await page.evaluate<Record<string, number>>(paints);
      return {
        requests: weights.size,
        transferred_bytes: [...weights.values()].reduce((sum, bytes) => sum + bytes, 0),
        page_bytes: (await answer.body()).length,
        first_paint_ms: Math.round(painted['first-paint'] ?? Number.NaN),
        first_contentful_paint_ms: Math.round(painted['first-contentful-paint'] ?? Number.NaN),
      };
    } finally {
      await context.close();
    }
  }
}

async function slowDown(tools: CDPSession, { latency_ms, download_kbit_s, cpu_slowdown }: Condition): Promise<void> {
  await tools.send('Network.enable');
  await tools.send('Network.setCacheDisabled', { cacheDisabled: true });
  if (download_kbit_s !== undefined) {
    const downloadThroughput = (download_kbit_s * 1000) / 8;
    await tools.send('Network.emulateNetworkConditions', { offline: false, latency: latency_ms, downloadThroughput, uploadThroughput: downloadThroughput / 2 });
  }
  if (cpu_slowdown > 1) await tools.send('Emulation.setCPUThrottlingRate', { rate: cpu_slowdown });
}

/** A session and a plate of the demo merchant. */
async function makePages(url: string, api_key: string): Promise<{ readonly session_url: string; readonly plate_url: string }> {
  async function ask(path: string, body?: object) {
    const answer = await fetch(`${url}/v1/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${api_key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as { readonly id: string; readonly url: string; readonly data: readonly { readonly id: string }[] };
  }
  const session = await ask('checkout_sessions', { merchant_order_no: 'bench', amount_fen: 128_050, subject: '手冲咖啡 Pour-over' });
  const store = await ask('stores', { name: '街角店' });
  const terminal = await ask('terminals', { store_id: store.id, name: '台牌', kind: 'plate' });
  const batch = await ask('plate_batches', { name: '台牌', count: 1 });
  const [stock] = (await ask(`plates?plate_batch_id=${batch.id}`)).data;
  if (!stock) throw new Error('a batch without plates');
  const plate = await ask(`plates/${stock.id}/bind`, { terminal_id: terminal.id, remark: 'optional' });
  return { session_url: session.url, plate_url: plate.url };
}
