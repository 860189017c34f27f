import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { aWorld, type World } from '../world.ts';

/** Group J of reliability.md: what lies in the repository, in its lock file and in the database. */
const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const filesOf = (...patterns: string[]) => globSync(patterns, { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist|\.data)$/.test(path) }).sort();

type Entry = {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
};
const lock = JSON.parse(read('package-lock.json')) as { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Entry>> };
const packages = Object.entries(lock.packages).filter(([path]) => path.includes('node_modules/'));
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('J-11 J-12: the lock file', () => {
  it('takes every package from the registry alone, by its hash', () => {
    assert.equal(lock.lockfileVersion, 3);
    assert.ok(packages.length > 300);
    for (const [path, { resolved, integrity, link, optional, os, version }] of packages) {
      if (link) continue;
      // An address in the lock would be asked instead of the registry.
      assert.equal(resolved, undefined, `${path} comes from ${resolved}`);
      assert.match(version ?? '', /^\d+\.\d+\.\d+(?:[-+][\w.]+)?$/, path);
      // Builds for machines that the registry did not show when the lock was written are exact versions of optional packages.
      if (integrity === undefined) assert.ok(optional && os, `${path} has no hash`);
      else assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path);
    }
  });

  it('has our own names as links into this repository and nowhere else', () => {
    const own = packages.filter(([path]) => nameOf(path).startsWith('@heliu/'));
    assert.ok(own.length >= 4);
    for (const [path, { link, resolved }] of own) assert.ok(link === true && ['cli', 'contract', 'sdk', 'server', 'web/pos'].includes(resolved ?? ''), path);
    for (const path of filesOf('package.json', '{cli,contract,sdk,server,web/pos}/package.json')) {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path)) as Record<string, Record<string, string>>;
      for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
        assert.match(range, /^[\^~]?\d+\.\d+\.\d+(?:-[\w.]+)?$/, `${path}: ${name} ${range} is not a version of the registry`);
    }
  });

  it('lets nobody run a program at installation but those that are named', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as { readonly allowScripts: Readonly<Record<string, boolean>> };
    const with_scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
    assert.deepEqual(with_scripts.filter((name) => allowScripts[name] !== true).sort(), []);
  });

  it('is what is installed, hash by hash', () => {
    const installed = (JSON.parse(read('node_modules/.package-lock.json')) as typeof lock).packages;
    let compared = 0;
    for (const [path, { version, integrity }] of packages) {
      const there = installed[path];
      if (!there || integrity === undefined) continue;
      assert.deepEqual([there.version, there.integrity ?? integrity], [version, integrity], path);
      compared += 1;
    }
    assert.ok(compared > 200, `${compared} packages`);
  });
});

describe('J-13: what is known to be vulnerable', () => {
  /** Below these there is a published hole that matters here. */
  const floors: Readonly<Record<string, string>> = { fastify: '5.8.5', node: '24.21.0' };
  const banned = ['ip', 'ssrfcheck', 'private-ip', 'request', 'vm2', 'event-stream', 'node-serialize', 'xml2js'];

  for (const [name, floor] of Object.entries(floors)) {
    it(`${name} is at least ${floor}`, () => {
      const version = lock.packages[`node_modules/${name}`]?.version ?? '0.0.0';
      const [has, needs] = [version, floor].map((text) => text.split('.').map(Number)) as [number[], number[]];
      const at = needs.findIndex((part, index) => part !== has[index]);
      assert.ok(at < 0 || (has[at] as number) > (needs[at] as number), version);
    });
  }

  it('is not what the server is built on', () => {
    const { dependencies } = JSON.parse(read('server/package.json')) as { readonly dependencies: Readonly<Record<string, string>> };
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => banned.includes(name)),
      [],
    );
  });
});

describe('J-01 J-02: the repository', () => {
  const patterns: Readonly<Record<string, RegExp>> = {
    'a private key': /-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*(?:[A-Za-z0-9+/=]{20,}\s*){3,}/,
    'an API key of ours': /sk_(?:test|live)_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/,
    'a webhook secret': /whsec_[A-Za-z0-9+/]{43}=/,
    'a master key': /HELIU_MASTER_KEY=[A-Za-z0-9+/]{43}=/,
    'a token of a platform': /\b(?:gh[pousr]_[A-Za-z0-9]{36}|npm_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[baprs]-[0-9A-Za-z-]{20,}|LTAI[0-9A-Za-z]{16,})\b/,
    'a password in a URL': /\b(?:postgres(?:ql)?|https?|redis|amqp):\/\/[a-z0-9_]+:(?!secret|password|hunter2)[^@\s'"`$<{]{6,}@(?!127\.|localhost|example)/i,
  };
  const texts = filesOf('**/*.{ts,mts,mjs,js,json,md,sql,html,css,yml,yaml,env,sh,pem,key}', '.ci/*', '.npmrc', '.env*').filter(
    (path) => path !== 'package-lock.json',
  );
  /** The example of the Standard Webhooks specification, which everyone may know. */
  const published = /whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/g;

  it('holds no secret that anyone could use', () => {
    assert.ok(texts.length > 300, `${texts.length} files`);
    const found = texts.flatMap((path) => {
      const text = read(path).replaceAll(published, '');
      return Object.entries(patterns).flatMap(([what, pattern]) => (pattern.test(text) ? [`${path}: ${what}`] : []));
    });
    assert.deepEqual(found, []);
  });

  it('and the search finds what it looks for', () => {
    const line = 'A'.repeat(64);
    const samples: Readonly<Record<string, string>> = {
      'a private key': ['-----BEGIN', ' PRIVATE KEY-----\n', `${line}\n${line}\n${line}\n`].join(''),
      'an API key of ours': `sk_live_${'a'.repeat(43)}`,
      'a webhook secret': `whsec_${'a'.repeat(43)}=`,
      'a master key': `HELIU_MASTER_KEY=${'a'.repeat(43)}=`,
      'a token of a platform': `ghp_${'a'.repeat(36)}`,
      'a password in a URL': ['postgres://heliu:', 'Xk29fjw0', '@db.internal/heliu'].join(''),
    };
    for (const [what, pattern] of Object.entries(patterns)) assert.match(samples[what] as string, pattern, what);
  });

  it('A-06 compares nothing that is secret with an operator that stops at the first difference', () => {
    // Against `undefined`, `null` or a literal there is nothing to learn.
    const comparison =
      /\b\w*(?:signature|sign|digest|mac|hash|secret|token|password)\b\)?\s*(?:[!=]==|[!=]=(?!=))(?!\s*(?:undefined|null|true|false|'[\w-]*'|token_kinds\.|-?\d|\())/i;
    const product = filesOf('server/**/*.ts', 'sdk/*.ts').filter(
      (path) => !/\.test\.ts$|\/testing\/|\/test-|\/simulator|\/kit\/|^server\/(sim|bench|testing)\//.test(path),
    );
    const found = product.flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, at) => (comparison.test(line.replace(/\/\/.*$|^\s*\*.*$/, '')) ? [`${path}:${at + 1} ${line.trim()}`] : [])),
    );
    assert.ok(product.length > 100);
    assert.match('if (given.signature === expected)', comparison);
    assert.deepEqual(found, []);
  });

  it('F-15 turns the check of certificates off nowhere', () => {
    const sources = filesOf('{server,sdk,cli,scripts}/**/*.{ts,mjs}').filter((path) => !path.endsWith('.test.ts'));
    const found = sources.filter((path) => /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity:|strictSSL:\s*false/.test(read(path)));
    assert.deepEqual(found, []);
  });
});

describe('J-03 J-04 J-05 J-09: a node at work', () => {
  let world: World;
  let shop: Shop;
  before(async () => {
    world = await aWorld();
    shop = await newShop(world);
  });
  after(() => world.close());

  it('J-09 asks its own generator for whatever nobody may guess, and never Math.random', async () => {
    const { random } = Math;
    const callers = new Set<string>();
    Math.random = () => {
      const frame = (new Error().stack ?? '').split('\n')[2] ?? '';
      if (frame.includes(`${root}/`) && !frame.includes('/node_modules/')) callers.add(frame.trim());
      return random();
    };
    try {
      const payment = await shop.paid();
      await shop.post('/v1/refunds', shop.refundOrder(payment.id, 10));
      await shop.post('/v1/webhook_endpoints', { url: world.receiver_url });
      await world.newKey(shop.merchant.id, false, ['payments:read']);
    } finally {
      Math.random = random;
    }
    assert.deepEqual([...callers], []);
  });

  it('J-05 sealed values that were moved between rows or merchants in the database open nowhere, and nothing is called with them', async () => {
    const { kysely } = world.ctx.db;
    const other = await newShop(world);
    const [mine, theirs] = [shop.accounts.get('wechatpay') as string, other.accounts.get('wechatpay') as string];
    await sql`update channel_account_versions a set secrets_sealed = b.secrets_sealed from channel_account_versions b
      where (a.channel_account_id = ${mine} and b.channel_account_id = ${theirs}) or (a.channel_account_id = ${theirs} and b.channel_account_id = ${mine})`.execute(
      kysely,
    );
    for (const moved of [mine, theirs])
      await world.ctx.changes.announce('channel_accounts', `${moved === mine ? shop.merchant.id : other.merchant.id}/${moved}`);
    const orders = () => world.simulators.get('wechatpay')?.orders().length;
    const before = orders();
    await world.until(async () => (await shop.ask('/v1/payments', shop.order())).status === 500);
    const answer = await shop.post('/v1/payments', shop.order());
    assert.deepEqual([answer.status, answer.body.error.code], [500, 'internal_error']);
    assert.ok(!/seal|vault|cipher|key|apiv3/i.test(answer.body.error.message), answer.text);
    assert.equal(orders(), before, 'no order was made with keys of another');
  });
});
