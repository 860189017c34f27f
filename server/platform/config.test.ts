import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { settings } from './config/settings.ts';
import { ConfigError, type Environment, loadConfig } from './config.ts';
import { systemRng } from './rng.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'heliu-config-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const aKey = () => systemRng.bytes(32).toString('base64');
const production = () => ({ HELIU_MODE: 'production', HELIU_MASTER_KEY: aKey(), HELIU_PUBLIC_URL: 'https://pay.example.com' });

async function problemsOf(environment: Environment, path: string): Promise<readonly string[]> {
  try {
    await loadConfig(environment, path);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

describe('without any setting', () => {
  test('is a sandbox on this machine with a master key of its own, which only its owner may read', async (t) => {
    const path = await directory(t);
    const config = await loadConfig({}, path);
    assert.equal(config.mode, 'sandbox');
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.public_url, 'http://127.0.0.1:8080');
    assert.equal(config.data_dir, join(path, 'data'));
    assert.equal(config.database_url, undefined);
    const key_file = join(path, 'data', 'master.key');
    assert.equal((await stat(key_file)).mode & 0o777, 0o400);
    assert.equal((await readFile(key_file, 'utf8')).trim(), config.master_key.expose());
    assert.equal((await loadConfig({}, path)).master_key.expose(), config.master_key.expose());
  });

  test('gives processes that start together the same master key', async (t) => {
    const path = await directory(t);
    const configs = await Promise.all(Array.from({ length: 8 }, () => loadConfig({}, path)));
    assert.equal(new Set(configs.map((config) => config.master_key.expose())).size, 1);
    assert.deepEqual(await readdir(join(path, 'data')), ['master.key']);
  });
});

describe('reads', () => {
  test('every kind of value from the environment and from the file, and the environment wins', async (t) => {
    const path = await directory(t);
    await writeFile(
      join(path, 'heliu.config.json'),
      `{ // comments are welcome
        "port": 9000, "webhook_ports": [443, "8000-8002"], "egress_allow": ["10.0.0.0/8"], "webhook_allow_http": false, "log_level": "warn", }`,
    );
    const config = await loadConfig({ HELIU_PORT: '9001', HELIU_TRUSTED_PROXIES: '192.0.2.7, 2001:db8::/32', DATABASE_URL: 'postgres://a:b@db/heliu' }, path);
    assert.equal(config.port, 9001);
    assert.deepEqual(config.webhook_ports, [443, 8000, 8001, 8002]);
    assert.deepEqual(config.egress_allow, ['10.0.0.0/8']);
    assert.deepEqual(config.trusted_proxies, ['192.0.2.7/32', '2001:db8::/32']);
    assert.equal(config.webhook_allow_http, false);
    assert.equal(config.log_level, 'warn');
    assert.equal(config.database_url?.expose(), 'postgres://a:b@db/heliu');
  });

  test('a secret from a file that the environment or the configuration file names', async (t) => {
    const path = await directory(t);
    const key = aKey();
    await writeFile(join(path, 'key'), `${key}\n`);
    assert.equal((await loadConfig({ HELIU_MASTER_KEY_FILE: 'key' }, path)).master_key.expose(), key);
    await writeFile(join(path, 'heliu.config.json'), '{ "master_key_file": "key" }');
    assert.equal((await loadConfig({}, path)).master_key.expose(), key);
  });

  test('a variable that is set to nothing as one that is not set', async (t) => {
    assert.equal((await loadConfig({ HELIU_PORT: '' }, await directory(t))).port, 8080);
  });
});

describe('refuses, and names the setting', () => {
  const cases: readonly (readonly [Environment, RegExp])[] = [
    [{ HELIU_MODE: 'live' }, /^HELIU_MODE is "live"; it takes one of sandbox, production$/],
    [{ HELIU_PORT: '80a' }, /^HELIU_PORT is "80a"; it takes a whole number from 0 to 65535$/],
    [{ HELIU_PORT: '65536' }, /^HELIU_PORT /],
    [{ HELIU_WEBHOOK_ALLOW_HTTP: 'yes' }, /^HELIU_WEBHOOK_ALLOW_HTTP is "yes"; it takes true or false$/],
    [{ HELIU_PUBLIC_URL: 'pay.example.com' }, /^HELIU_PUBLIC_URL /],
    [{ HELIU_PUBLIC_URL: 'https://a:b@pay.example.com' }, /^HELIU_PUBLIC_URL /],
    [{ HELIU_EGRESS_ALLOW: '10.0.0.0/33' }, /^HELIU_EGRESS_ALLOW holds "10.0.0.0\/33"/],
    [{ HELIU_EGRESS_ALLOW: 'intranet' }, /^HELIU_EGRESS_ALLOW holds "intranet"/],
    [{ HELIU_WEBHOOK_PORTS: '443-80' }, /^HELIU_WEBHOOK_PORTS holds "443-80"/],
    [{ DATABASE_URL: 'mysql://root@db' }, /^DATABASE_URL is not an address such as postgresql:/],
    [{ HELIU_MASTER_KEY: 'short' }, /^HELIU_MASTER_KEY is not 32 bytes in base64/],
    [{ HELIU_MASTER_KEY_FILE: '/nonexistent/key' }, /^HELIU_MASTER_KEY_FILE names .* cannot be read \(ENOENT\)/],
    [{ HELIU_CONFIG: 'absent.json' }, /^HELIU_CONFIG: .*absent\.json cannot be read \(ENOENT\)/],
    [{ HELIU_PUBLC_URL: 'x' }, /^HELIU_PUBLC_URL is not a setting: did you mean HELIU_PUBLIC_URL\?$/],
    [{ HELIU_COLOUR: 'red' }, /^HELIU_COLOUR is not a setting$/],
  ];
  for (const [environment, expected] of cases) {
    test(Object.entries(environment).join(), async (t) => {
      const problems = await problemsOf(environment, await directory(t));
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] as string, expected);
    });
  }

  test('all of them at once', async (t) => {
    assert.equal((await problemsOf({ HELIU_PORT: 'x', HELIU_ROLE: 'y', HELIU_Z: 'z' }, await directory(t))).length, 3);
  });

  test('never repeating a secret', async (t) => {
    const path = await directory(t);
    const problems = await problemsOf({ HELIU_MASTER_KEY: 'canary-4711', DATABASE_URL: 'canary-4711' }, path);
    assert.equal(problems.length, 2);
    assert.ok(!problems.join().includes('canary'));
  });

  test('a key of the file that is unknown, and a file that is not JSON', async (t) => {
    const path = await directory(t);
    await writeFile(join(path, 'heliu.config.json'), '{ "prot": 1 }');
    assert.match((await problemsOf({}, path))[0] as string, /heliu\.config\.json: prot is not a setting: did you mean port\?$/);
    await writeFile(join(path, 'heliu.config.json'), '{\n "port": 1,\n "host"\n}');
    assert.match((await problemsOf({}, path))[0] as string, /heliu\.config\.json: line \d: ColonExpected/);
    await writeFile(join(path, 'heliu.config.json'), '[]');
    assert.match((await problemsOf({}, path))[0] as string, /it takes one object/);
  });
});

describe('production refuses', () => {
  test('to start without a master key or a public address', async (t) => {
    const path = await directory(t);
    const problems = await problemsOf({ HELIU_MODE: 'production' }, path);
    assert.equal(problems.length, 2);
    assert.match(problems[0] as string, /^HELIU_MASTER_KEY is missing/);
    assert.match(problems[1] as string, /^HELIU_PUBLIC_URL is missing/);
    assert.deepEqual(await readdir(path), []);
  });

  const weak = {
    zeros: Buffer.alloc(32),
    'a text': Buffer.from('correct horse battery staple! 42'),
    counting: Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
    'a repeated word': Buffer.from('0123456789abcdef0123456789abcdef', 'latin1'),
  };
  for (const [name, bytes] of Object.entries(weak)) {
    test(`J-01 a master key that is ${name}`, async (t) => {
      const problems = await problemsOf({ ...production(), HELIU_MASTER_KEY: bytes.toString('base64') }, await directory(t));
      assert.match(problems.join(), /^HELIU_MASTER_KEY is weak/);
    });
  }

  test('a public address in the clear', async (t) => {
    const problems = await problemsOf({ ...production(), HELIU_PUBLIC_URL: 'http://pay.example.com' }, await directory(t));
    assert.match(problems.join(), /^HELIU_PUBLIC_URL is plain http/);
  });

  test('nothing that is right, and takes its stricter defaults', async (t) => {
    const config = await loadConfig(production(), await directory(t));
    assert.deepEqual([config.egress_allow, config.webhook_ports, config.webhook_allow_http], [[], [443], false]);
  });
});

test('random master keys are never found weak', async (t) => {
  const path = await directory(t);
  for (let turn = 0; turn < 500; turn++) assert.deepEqual(await problemsOf(production(), path), []);
});

test('every default reads', () => {
  for (const [name, setting] of Object.entries(settings)) {
    for (const value of Object.values(setting.unset)) if (value !== undefined) assert.ok('value' in setting.kind.read(value), name);
  }
});
