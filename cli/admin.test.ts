import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '@heliu/server/testing/database.ts';
import type { Io } from './io.ts';
import { heliu, type Ran } from './testing.ts';

let database: TestDatabase;
let directory: string;
let io: Partial<Io>;
const canary = 'CANARY-apiv3-key-of-32-character';
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

before(async () => {
  database = await createTestDatabase();
  directory = mkdtempSync(join(tmpdir(), 'heliu-cli-'));
  io = { cwd: directory, env: { HELIU_DATABASE_URL: database.database_url.expose(), HELIU_MASTER_KEY: randomBytes(32).toString('base64') } };
});
after(async () => {
  rmSync(directory, { recursive: true });
  await database.drop();
});

/** The result of a command that must succeed. */
async function done<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const ran = await heliu([...args, '--json'], io);
  assert.equal(ran.code, 0, ran.err);
  return ran.json() as T;
}
const errorOf = (ran: Ran) => (JSON.parse(ran.err) as { error: Record<string, string> }).error;

const aMerchant = async () => (await done<{ id: string }>('merchant', 'create', '--name', '茶馆')).id;

function settingsFile(changes: Record<string, unknown> = {}): string {
  writeFileSync(join(directory, 'key.pem'), pem);
  const settings = {
    mode: 'direct',
    mchid: '1900000001',
    appid: 'wx1',
    serial_no: 'ABCDEF12',
    private_key: { file: 'key.pem' },
    apiv3_key: canary,
    trust: 'certificate',
    ...changes,
  };
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings));
  return 'settings.json';
}

describe('merchant', () => {
  test('is made, listed, shown by id and by code, changed, suspended and resumed', async () => {
    const made = await done<{ id: string; code: string }>('merchant', 'create', '--name', '茶馆', '--late-policy', 'accept');
    assert.deepEqual(await done('merchant', 'show', made.id), made);
    assert.deepEqual(await done('merchant', 'show', made.code), made);
    assert.deepEqual(await done('merchant', 'list', '--limit', '1'), [made]);
    const set = await done('merchant', 'set', made.code, '--signature-required', '--name', '新茶馆');
    assert.deepEqual(set, { ...made, name: '新茶馆', signature_required: true, version: 2 });
    assert.equal((await done('merchant', 'set', made.id, '--no-signature-required')).signature_required, false);
    assert.equal((await done('merchant', 'suspend', made.id)).state, 'suspended');
    assert.equal((await done('merchant', 'resume', made.id)).state, 'active');
  });

  test('agents stand in a tree, have merchants, and are named in both languages', async () => {
    const top = await done<{ id: string }>('agent', 'create', '--name', '华东');
    const low = await done<{ id: string; parent_id: string }>('agent', 'create', '--name', '杭州', '--below', top.id);
    assert.equal(low.parent_id, top.id);
    const { code } = await done<{ code: string }>('merchant', 'create', '--name', '茶馆');
    assert.equal((await done('agent', 'assign', low.id, '--merchant', code)).agent_id, low.id);
    assert.equal((await done('merchant', 'show', code)).agent_id, low.id);
    const shown = await heliu(['agent', 'list', '--lang', 'zh'], io);
    assert.match(shown.out, new RegExp(`${top.id} +华东 +active +0\n${low.id} +· 杭州 +active +1\n`));
    const circle = await heliu(['agent', 'move', top.id, '--below', low.id], io);
    assert.deepEqual([circle.code, circle.err], [3, 'parent_id: An agent cannot stand below itself or one that is below it. (agent_tree_circular)\n']);
    assert.match((await heliu(['agent', 'close', low.id, '--lang', 'zh'], io)).err, /仍有商户/);
    assert.equal((await heliu(['agent', 'move', low.id], io)).code, 2);
    assert.equal((await done('agent', 'move', low.id, '--top')).parent_id, null);
    assert.equal((await done('agent', 'release', '--merchant', code)).agent_id, null);
    assert.equal((await done('agent', 'close', low.id)).state, 'closed');
  });

  test('is shown to people as a record, and lists as a table', async () => {
    const id = await aMerchant();
    assert.match((await heliu(['merchant', 'show', id], io)).out, new RegExp(`^id +${id}\n`));
    assert.match((await heliu(['merchant', 'list'], io)).out, /^id +code +name +state +created_at\nmer_/);
  });
});

describe('keys', () => {
  test('are shown once, work, are listed without the key and revoked', async () => {
    const merchant = await aMerchant();
    const made = await done<{ id: string; key: string; last4: string }>(
      'keys',
      'create',
      '--merchant',
      merchant,
      '--name',
      'shop',
      '--scopes',
      'payments:read,refunds:read',
    );
    assert.match(made.key, /^sk_test_/);
    assert.equal(made.key.slice(-4), made.last4);
    const listed = await heliu(['keys', 'list', '--merchant', merchant], io);
    assert(listed.out.includes(made.id) && !listed.out.includes(made.key));
    assert.equal((await done('keys', 'revoke', made.id, '--merchant', merchant)).state, 'revoked');
  });

  test('carry the public half that requests are signed with', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(join(directory, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    const made = await done('keys', 'create', '--merchant', await aMerchant(), '--name', 'signed', '--live', '--public-key', 'public.pem');
    assert.equal(made.ed25519_public_key, publicKey.export({ type: 'spki', format: 'der' }).toString('base64'));
    assert.match(String(made.key), /^sk_live_/);
  });

  test('are not made with a scope that is none', async () => {
    const ran = await heliu(['keys', 'create', '--merchant', 'x', '--name', 'x', '--scopes', 'payments:all'], io);
    assert.equal(ran.code, 2);
    assert.match(ran.err, /payments:all/);
  });
});

describe('channel-account', () => {
  test('is made from a file with keys in files of their own, shown without secrets, updated, paused, resumed and closed', async () => {
    const merchant = await aMerchant();
    const ran = await heliu(
      ['channel-account', 'create', '--merchant', merchant, '--channel', 'wechatpay', '--name', '微信', '--settings', settingsFile(), '--json'],
      io,
    );
    assert.equal(ran.code, 0, ran.err);
    assert(!ran.out.includes('CANARY') && !ran.out.includes('PRIVATE'));
    const { id, secrets } = ran.json() as { id: string; secrets: string[] };
    assert.deepEqual(secrets.toSorted(), ['apiv3_key', 'private_key']);

    const on = (verb: string, ...rest: string[]) => done('channel-account', verb, id, '--merchant', merchant, ...rest);
    writeFileSync(join(directory, 'change.json'), '{"trust_unsigned_errors": true}');
    assert.equal((await on('update', '--settings', 'change.json', '--priority', '5')).version, 2);
    assert.equal((await on('show')).priority, 5);
    assert.equal((await on('pause')).state, 'paused');
    assert.equal((await on('resume')).state, 'active');
    assert.equal((await on('close')).state, 'closed');
    const again = await heliu(['channel-account', 'resume', id, '--merchant', merchant, '--lang', 'zh'], io);
    assert.deepEqual([again.code, again.err], [3, 'channel_account_id: 渠道账户已关闭。 (channel_account_closed)\n']);
    const people = await heliu(['channel-account', 'show', id, '--merchant', merchant], io);
    assert.match(people.out, /apiv3_key +\(sealed\)/);
    assert.match((await heliu(['channel-account', 'list', '--merchant', merchant], io)).out, new RegExp(`${id} +wechatpay`));
  });

  test('takes its settings from standard input too', async () => {
    const stdin = JSON.stringify({
      mode: 'direct',
      mchid: '1900000001',
      appid: 'wx1',
      serial_no: 'ABCDEF12',
      private_key: pem,
      apiv3_key: canary,
      trust: 'certificate',
    });
    const ran = await heliu(['channel-account', 'create', '--merchant', await aMerchant(), '--channel', 'wechatpay', '--name', 'x', '--settings', '-'], {
      ...io,
      stdin,
    });
    assert.equal(ran.code, 0, ran.err);
  });

  test('is refused with the name of the setting that is wrong, and no value', async () => {
    const merchant = await aMerchant();
    const create = (file: string) =>
      heliu(['channel-account', 'create', '--merchant', merchant, '--channel', 'wechatpay', '--name', 'x', '--settings', file, '--json'], io);
    const ran = await create(settingsFile({ private_key: canary }));
    assert.deepEqual([ran.code, errorOf(ran).param, ran.err.includes('CANARY')], [3, 'settings.private_key', false]);
    writeFileSync(join(directory, 'broken.json'), `{"apiv3_key": "${canary}`);
    for (const file of ['broken.json', 'absent.json']) {
      const wrong = await create(file);
      assert.deepEqual([wrong.code, wrong.err.includes('CANARY'), wrong.err.includes(file)], [2, false, true]);
    }
    assert.deepEqual(await done('channel-account', 'list', '--merchant', merchant), []);
  });

  test('schema prints every setting with what it is, and which are secret', async () => {
    const { out, code } = await heliu(['channel-account', 'schema', 'wechatpay']);
    assert.equal(code, 0);
    assert.match(out, /^private_key +✓ +✓ +string +/m);
    assert.match(out, /^trust +✓ +- +certificate \| public_key +/m);
    const { properties } = (await heliu(['channel-account', 'schema', 'alipay', '--json'])).json() as { properties: object };
    assert(Object.keys(properties).length > 3);
  });
});

describe('plate stock', () => {
  test('is made with its claim codes in a file, listed, printed and assigned to a merchant', async () => {
    const make = ['plate', 'stock', 'create', '--name', '首批', '--count', '3', '--claims', 'claims.csv'];
    const batch = await done<{ id: string; count: number }>(...make);
    const lines = readFileSync(join(directory, 'claims.csv'), 'utf8').trimEnd().split('\n');
    assert.equal(lines[0], 'serial_no,stock_no,claim_code');
    assert.match(lines[3] ?? '', /^3,[0-9A-Z]{5}-[0-9A-Z]{5},[0-9A-Z]{5}-[0-9A-Z]{5}$/);
    assert.equal(statSync(join(directory, 'claims.csv')).mode & 0o777, 0o600);
    // A file that is there stays as it is, and nothing is made.
    const again = await heliu(make, io);
    assert.deepEqual([again.code, again.err.includes('claims.csv')], [2, true]);
    assert.deepEqual(
      (await done<{ id: string; in_stock: number }[]>('plate', 'stock', 'list')).map(({ id, in_stock }) => [id, in_stock]),
      [[batch.id, 3]],
    );
    const merchant = await aMerchant();
    const assign = ['plate', 'stock', 'assign', batch.id, '--merchant', merchant, '--from', '1', '--through', '2'];
    assert.deepEqual(await done(...assign), { batch_id: batch.id, merchant_id: merchant, assigned: 2 });
    const plates = await done<{ merchant_id: string | null }[]>('plate', 'stock', 'show', batch.id);
    assert.deepEqual(
      plates.map(({ merchant_id }) => merchant_id),
      [merchant, merchant, null],
    );
    await done('plate', 'stock', 'print', batch.id, 'stock.zip', '--format', 'svg');
    assert.equal(readFileSync(join(directory, 'stock.zip')).subarray(0, 2).toString(), 'PK');
    const absent = await heliu(['plate', 'stock', 'show', 'plb_0', '--lang', 'zh'], io);
    assert.deepEqual([absent.code, absent.err], [3, 'plate_batch_id: 码牌批次不存在。 (plate_batch_not_found)\n']);
  });
});

describe('every command', () => {
  test('says what is wrong, in both languages, with an exit code that tells the kind', async () => {
    const absent = ['merchant', 'show', 'mer_01JD0000000000000000000000'];
    assert.deepEqual(await heliu(absent, io).then(({ code, err }) => [code, err]), [3, 'merchant_id: There is no such merchant. (merchant_not_found)\n']);
    assert.deepEqual(
      await heliu(absent, { ...io, env: { ...io.env, LANG: 'zh_CN.UTF-8' } }).then(({ err }) => err),
      'merchant_id: 商户不存在。 (merchant_not_found)\n',
    );
    assert.deepEqual(errorOf(await heliu([...absent, '--json'], io)), {
      code: 'merchant_not_found',
      message: 'There is no such merchant.',
      param: 'merchant_id',
    });
    for (const wrong of [
      ['merchant', 'create'],
      ['merchant', 'list', '--limit', '-1'],
      ['nothing'],
      ['merchant', 'create', '--name', 'x', '--late-policy', 'keep'],
    ]) {
      const { code, err, out } = await heliu(wrong, io);
      assert.deepEqual([code, out], [2, '']);
      assert.notEqual(err, '');
    }
    const { code, err } = await heliu(['merchant', 'list'], { ...io, env: { ...io.env, HELIU_PORT: 'eighty' } });
    assert.equal(code, 5);
    assert.match(err, /HELIU_PORT/);
  });

  test('that cannot reach the database says so and shows no password', async () => {
    const { code, err } = await heliu(['merchant', 'list'], { ...io, env: { ...io.env, HELIU_DATABASE_URL: 'postgres://u:CANARY@127.0.0.1:1/x' } });
    assert.equal(code, 1);
    assert.match(err, /ECONNREFUSED/);
    assert(!err.includes('CANARY'));
  });

  test('has help in both languages, with exit code 0', async () => {
    const commands = [
      [],
      ['serve'],
      ['migrate'],
      ['pay'],
      ['refund'],
      ['listen'],
      ['keys', 'create'],
      ['channel-account', 'update'],
      ['payment', 'list'],
      ['events', 'list'],
    ];
    for (const command of commands) {
      for (const [lang, title] of [
        ['en', /Usage: /],
        ['zh', /用法： /],
      ] as const) {
        const { code, out } = await heliu([...command, '--help', '--lang', lang]);
        assert.equal(code, 0);
        assert.match(out, title);
      }
    }
  });
});

test('migrate brings an empty database up to date, once', async () => {
  const empty = await createEmptyDatabase();
  try {
    const migrate = async () =>
      (await heliu(['migrate', '--json'], { ...io, env: { ...io.env, HELIU_DATABASE_URL: empty.database_url.expose() } })).json() as { applied: string[] };
    assert.match((await migrate()).applied[0] ?? '', /^0001_/);
    assert.deepEqual(await migrate(), { applied: [] });
  } finally {
    await empty.drop();
  }
});

describe('master-key rotate', () => {
  const keyFile = (name: string, text = randomBytes(32).toString('base64')): string => {
    writeFileSync(join(directory, name), `${text}\n`);
    return text;
  };

  test('wraps what is secret with the new key, once; the old one then opens nothing and says so', async () => {
    const merchant = await aMerchant();
    const { id } = await done<{ id: string }>(
      'channel-account',
      'create',
      '--merchant',
      merchant,
      '--channel',
      'wechatpay',
      '--name',
      '店',
      '--settings',
      settingsFile(),
    );
    const fresh = keyFile('new.key');
    const rotated = await done<{ data_keys: number }>('master-key', 'rotate', '--to-file', 'new.key');
    assert.equal(rotated.data_keys, 1);
    assert.equal((await done<{ data_keys: number }>('master-key', 'rotate', '--to-file', 'new.key')).data_keys, 0);

    const old = await heliu(['channel-account', 'show', id, '--merchant', merchant, '--json'], io);
    assert.deepEqual([old.code, errorOf(old).code], [5, 'configuration']);
    assert.match(errorOf(old).message ?? '', /HELIU_MASTER_KEY/);
    assert.ok(!old.err.includes(io.env?.HELIU_MASTER_KEY ?? '-') && !old.err.includes(fresh));
    io = { ...io, env: { ...io.env, HELIU_MASTER_KEY: fresh } };
    assert.equal((await done<{ id: string }>('channel-account', 'show', id, '--merchant', merchant)).id, id);
  });

  test('is refused with a key that is none, that is weak, or that is not there, and nothing changes', async () => {
    for (const [text, problem] of [
      ['short', /--to-file: the key is not 32 bytes/],
      [Buffer.alloc(32, 7).toString('base64'), /--to-file: the key is weak \(it repeats itself\)/],
    ] as const) {
      keyFile('bad.key', text);
      const ran = await heliu(['master-key', 'rotate', '--to-file', 'bad.key'], io);
      assert.equal(ran.code, 2);
      assert.match(ran.err, problem);
    }
    const missing = await heliu(['master-key', 'rotate', '--to-file', 'none.key', '--lang', 'zh'], io);
    assert.deepEqual([missing.code, missing.err], [2, '--to-file：无法读取 none.key（ENOENT）\n']);
    await aMerchant();
  });
});
