import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { paymentReply, scriptedApi } from './testing/scripted-api.ts';

const here = import.meta.dirname;
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

/** The Node that runs this, and any other that the machine has outside this project. */
function nodes(): string[] {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter);
  const other = spawnSync('node', ['-p', 'process.execPath'], { env: { ...process.env, PATH: path }, encoding: 'utf8' });
  return [...new Set([process.execPath, ...(other.status === 0 ? [other.stdout.trim()] : [])])];
}

describe('the package as it is published', () => {
  let shop = '';
  let files: string[] = [];

  before(() => {
    execFileSync(process.execPath, [join(here, 'build.ts')]);
    shop = mkdtempSync(join(tmpdir(), 'heliu-sdk-'));
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--pack-destination', shop, join(here, 'dist')], { encoding: 'utf8', shell: process.platform === 'win32' }),
    );
    files = packed.files.map((file: { path: string }) => file.path);
    const installed = join(shop, 'node_modules/@heliu/sdk');
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', join(shop, packed.filename), '--strip-components=1', '-C', installed]);
    writeFileSync(join(shop, 'package.json'), '{"type":"module"}');
  });
  after(() => rmSync(shop, { recursive: true, force: true }));

  test('holds JavaScript, declarations, a manifest and a README, and depends on nothing', () => {
    assert(files.includes('index.js') && files.includes('index.d.ts') && files.includes('README.md'));
    assert.deepEqual(
      files.filter((file) => !/\.(js|d\.ts)$/.test(file)),
      ['README.md', 'package.json'],
    );
    const manifest = JSON.parse(readFileSync(join(shop, 'node_modules/@heliu/sdk/package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.scripts, undefined);
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      const source = readFileSync(join(shop, 'node_modules/@heliu/sdk', file), 'utf8');
      for (const [, from] of source.matchAll(/from ['"]([^'"]+)['"]/g)) assert.match(from as string, /^\.\/.+\.js$/);
    }
  });

  for (const node of nodes()) {
    const version = execFileSync(node, ['-p', 'process.version'], { encoding: 'utf8' }).trim();
    test(`pays, lists, signs and verifies from plain JavaScript on Node ${version}`, { skip: Number(version.slice(1).split('.')[0]) < 20 }, async () => {
      const api = await scriptedApi((request) =>
        request.url === '/v1/payments?limit=1' ? { status: 200, json: { data: [{ id: 'pay_1' }], next_cursor: null } } : paymentReply(),
      );
      writeFileSync(join(shop, 'shop.js'), shop_js);
      const { status, stdout, stderr } = await run(node, [join(shop, 'shop.js')], api.baseUrl);
      await api.close();
      assert.equal(status, 0, stderr);
      assert.equal(stdout, 'payment pay_1 ed25519 evt_1\n');
      assert.equal(api.requests.length, 3);
    });
  }

  test('type-checks every example of its README', () => {
    const examples = [...readFileSync(join(shop, 'node_modules/@heliu/sdk/README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(
      (match) => match[1] as string,
    );
    assert.equal(examples.length, 3);
    const files = examples.map((example, index) => {
      writeFileSync(join(shop, `readme-${index}.ts`), `${example}\nexport {};\n${readme_surroundings}`);
      return `readme-${index}.ts`;
    });
    assert.deepEqual(typeCheck(shop, { lib: ['es2023'], types: ['node'], module: 'nodenext' }, files), { status: 0, stdout: '' });
  });

  for (const [what, options] of Object.entries({
    'Node types': { lib: ['es2023'], types: ['node'], module: 'nodenext' },
    'DOM types and a bundler': { lib: ['es2023', 'dom'], types: [], module: 'esnext', moduleResolution: 'bundler' },
  })) {
    test(`type-checks for a strict consumer with ${what}, and refuses wrong use`, () => {
      writeFileSync(join(shop, 'shop.ts'), shop_ts);
      assert.deepEqual(typeCheck(shop, options, ['shop.ts']), { status: 0, stdout: '' });
    });
  }
});

/** Checks files of a consumer with the strictest settings, declarations of the package included. */
function typeCheck(directory: string, options: object, files: readonly string[]) {
  const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false, typeRoots: [join(here, '../node_modules/@types')] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...strict, ...options }, files }));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
  return { status, stdout };
}

/** What the README's examples take from the reader's own program. */
const readme_surroundings = `
declare const rawBody: Uint8Array;
declare const request: { headers: Headers };
declare const endpointSecret: string;
declare const pem: string;
declare function markPaid(order_no: string, amount_fen: number): Promise<void>;
`;

/** Beside the server of this process, so without blocking it. */
async function run(node: string, args: string[], base_url: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(node, args, { env: { ...process.env, HELIU_URL: base_url }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status, stdout, stderr };
}

const shop_js = `
import { generateKeyPairSync } from 'node:crypto';
import { Heliu, webhooks } from '@heliu/sdk';
const baseUrl = process.env.HELIU_URL;
const heliu = new Heliu({ baseUrl, apiKey: 'sk_test_x' });
const payment = await heliu.payments.create({ merchant_order_no: 'A-1', amount_fen: 100, subject: 'Tea', method: 'wechat_qr' });
const ids = [];
for await (const { id } of heliu.payments.list({ limit: 1 })) ids.push(id);
const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
const signed = new Heliu({ baseUrl, signing: { keyId: 'key_1', privateKey } });
await signed.payments.sync(payment.id);
const secret = webhooks.newTestSecret();
const { body, headers } = await webhooks.signTestEvent({ object: 'event', id: 'evt_1' }, secret);
const event = await webhooks.verify(body, headers, secret);
console.log(payment.object, ids.join(), 'ed25519', event.id);
`;

const shop_ts = `
import { Heliu, HeliuConnectionError, HeliuError, webhooks } from '@heliu/sdk';
const key: string | undefined = undefined;
const heliu = new Heliu({ baseUrl: 'https://pay.example.com', apiKey: key });
export async function sell(raw: Uint8Array, headers: Headers): Promise<number> {
  try {
    const payment = await heliu.payments.create({ merchant_order_no: 'A-1', amount_fen: 100, subject: 'Tea', method: 'barcode' }, { timeoutMs: 1 });
    if (payment.next_action.type === 'show_qr') return payment.next_action.qr_content.length;
    // @ts-expect-error an amount is no text
    await heliu.payments.create({ merchant_order_no: 'A-1', amount_fen: '1.00', subject: 'Tea', method: 'barcode' });
    // @ts-expect-error no such wallet
    await heliu.payments.create({ merchant_order_no: 'A-1', amount_fen: 100, subject: 'Tea', method: 'cash' });
    for await (const refund of heliu.refunds.list({ payment_id: payment.id })) if (refund.state === 'succeeded') return refund.amount_fen;
  } catch (error) {
    if (error instanceof HeliuError && error.code === 'payment_not_found') return error.status;
    if (error instanceof HeliuConnectionError) return error.idempotencyKey?.length ?? 0;
  }
  const event = await webhooks.verify(raw, headers, 'whsec_x');
  // @ts-expect-error not every event carries a payment
  event.data.paid_fen;
  return event.type === 'payment.paid' ? event.data.paid_fen : event.type === 'refund.refused' ? event.data.amount_fen : 0;
}
// @ts-expect-error a client needs credentials
new Heliu({ baseUrl: 'https://pay.example.com' });
`;
