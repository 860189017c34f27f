import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { channel_accounts_per_merchant_max } from '../kernel/limits.ts';
import type { Secret } from '../kernel/secret.ts';
import type { ChangeTopic } from '../platform/changes.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { refusedWith } from '../testing/refusals.ts';
import * as merchants from './service.ts';

let node: TestCtx;
let other: TestCtx;
before(async () => {
  node = await testCtx();
  other = await testCtx({ beside: node });
});
after(async () => {
  await other.close();
  await node.close();
});

const private_key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const canary = 'CANARY-apiv3-key-of-32-character';

/** Settings that WeChat Pay's channel accepts. */
const someSettings = (changes: Record<string, unknown> = {}) => ({
  mode: 'direct',
  mchid: '1900000001',
  appid: 'wx0000000000000001',
  serial_no: '1234567890ABCDEF',
  private_key,
  apiv3_key: canary,
  trust: 'certificate',
  ...changes,
});

const aMerchant = (name = '茶馆') => merchants.createMerchant(node.ctx, { name });
const anAccount = async (changes: Partial<merchants.NewChannelAccount> = {}) =>
  merchants.createChannelAccount(node.ctx, {
    merchant_id: (await aMerchant()).id,
    livemode: false,
    channel: 'wechatpay',
    name: '微信',
    settings: someSettings(),
    ...changes,
  });

/** Resolves when that node hears of a change; begun before the change is made. */
const newsOn = ({ ctx }: TestCtx, topic: ChangeTopic, id: string) =>
  new Promise<void>((resolve) => {
    ctx.changes.on(topic, (heard) => heard === id && resolve());
  });

describe('merchants', () => {
  test('are made with the cautious settings and a code of their own', async () => {
    const merchant = await aMerchant();
    assert.match(merchant.code, /^[0-9A-HJKMNP-TV-Z]{6}$/);
    const { id: _, code: __, created_at, ...rest } = merchant;
    assert.deepEqual(rest, {
      name: '茶馆',
      state: 'active',
      signature_required: false,
      duplicate_policy: 'refund',
      late_policy: 'refund',
      agent_id: null,
      version: 1,
    });
    assert.deepEqual(created_at, node.ctx.clock.now());
    assert.deepEqual(await merchants.getMerchant(other.ctx, merchant.id), merchant);
    assert.deepEqual(await merchants.getMerchantByCode(other.ctx, merchant.code), merchant);
    assert.equal(await merchants.getMerchantByCode(other.ctx, 'ZZZZZZ'), undefined);
  });

  test('draw another code when theirs is taken', async () => {
    let draws = 0;
    const rng = { bytes: (length: number) => (length === 6 && ++draws <= 3 ? Buffer.alloc(6, 7) : node.ctx.rng.bytes(length)) };
    const ctx = { ...node.ctx, rng };
    assert.equal((await merchants.createMerchant(ctx, { name: 'a' })).code, '777777');
    assert.notEqual((await merchants.createMerchant(ctx, { name: 'b' })).code, '777777');
    assert.equal(draws, 4);
  });

  test('are refused with the setting that is wrong, and nothing is written', async () => {
    const count = async () => (await merchants.listMerchants(node.ctx, { limit: 1000 })).length;
    const earlier = await count();
    for (const [param, value] of Object.entries({ name: '', duplicate_policy: 'keep it', late_policy: 'keep' })) {
      await assert.rejects(merchants.createMerchant(node.ctx, { name: 'x', [param]: value }), refusedWith({ refused: 'parameter_invalid', param }));
    }
    for (const name of ['a\u202Eb', 'a\nb', ' a', 'x'.repeat(101), '\uD800']) {
      await assert.rejects(merchants.createMerchant(node.ctx, { name }), refusedWith({ refused: 'parameter_invalid', param: 'name' }));
    }
    assert.equal(await count(), earlier);
    await assert.rejects(
      merchants.getMerchant(node.ctx, 'mer_01JD0000000000000000000000'),
      refusedWith({ refused: 'merchant_not_found', param: 'merchant_id' }),
    );
    await assert.rejects(
      merchants.suspendMerchant(node.ctx, 'mer_01JD0000000000000000000000'),
      refusedWith({ refused: 'merchant_not_found', param: 'merchant_id' }),
    );
  });

  test('A-08: a change is seen by this node at once and by another as soon as the news arrives', async () => {
    const { id } = await aMerchant();
    await merchants.getMerchant(node.ctx, id);
    await merchants.getMerchant(other.ctx, id);
    const news = newsOn(other, 'merchants', id);
    const suspended = await merchants.suspendMerchant(node.ctx, id);
    assert.deepEqual({ state: suspended.state, version: suspended.version }, { state: 'suspended', version: 2 });
    assert.deepEqual(await merchants.getMerchant(node.ctx, id), suspended);
    await news;
    assert.deepEqual(await merchants.getMerchant(other.ctx, id), suspended);
    const updated = await merchants.updateMerchant(node.ctx, { merchant_id: id, late_policy: 'accept', signature_required: true });
    assert.deepEqual(updated, { ...suspended, late_policy: 'accept', signature_required: true, version: 3 });
    assert.equal((await merchants.resumeMerchant(node.ctx, id)).state, 'active');
  });

  test('a change whose news was lost with the connection is seen after it is back', async () => {
    const { id, code } = await aMerchant();
    await merchants.getMerchant(other.ctx, id);
    await merchants.getMerchantByCode(other.ctx, code);
    const reset = new Promise<void>((resolve) => other.ctx.changes.onReset(resolve));
    await sql`update merchants set late_policy = 'accept' where id = ${id}`.execute(node.ctx.db.kysely);
    assert.equal((await merchants.getMerchant(other.ctx, id)).late_policy, 'refund');
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heliu-changes' and datname = current_database()`.execute(
      node.ctx.db.kysely,
    );
    await reset;
    assert.equal((await merchants.getMerchant(other.ctx, id)).late_policy, 'accept');
    assert.equal((await merchants.getMerchantByCode(other.ctx, code))?.late_policy, 'accept');
  });

  test('are listed newest first, page by page', async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.push((await aMerchant()).id);
    const first = await merchants.listMerchants(node.ctx, { limit: 3 });
    const second = await merchants.listMerchants(node.ctx, { limit: 1000, before_id: first.at(-1)?.id as string });
    const ids = [...first, ...second].map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted().reverse());
    assert(made.every((id) => ids.includes(id)));
  });
});

describe('channel accounts', () => {
  test('J-03 I-47: keep their secrets sealed, shown by name only, and wrapped at run time', async () => {
    const account = await anAccount();
    assert.deepEqual(account.secrets.toSorted(), ['apiv3_key', 'private_key']);
    assert.deepEqual(account.settings, {
      mode: 'direct',
      mchid: '1900000001',
      appid: 'wx0000000000000001',
      serial_no: '1234567890ABCDEF',
      trust: 'certificate',
    });
    assert.deepEqual(await merchants.showChannelAccount(other.ctx, { merchant_id: account.merchant_id, channel_account_id: account.id }), account);

    const { rows } =
      await sql`select v::text, encode(secrets_sealed, 'escape') as sealed from channel_account_versions v where channel_account_id = ${account.id}`.execute(
        node.ctx.db.kysely,
      );
    assert.equal(rows.length, 1);
    const taken = await merchants.getAccount(other.ctx, account.merchant_id, account.id, 1);
    for (const text of [JSON.stringify(rows), JSON.stringify(account), JSON.stringify(taken), inspect(taken, { depth: 9, showHidden: true })]) {
      assert(!text.includes('CANARY') && !text.includes('PRIVATE KEY'));
    }
    const config = taken.config as { apiv3_key: Secret; private_key: Secret; mchid: string };
    assert.deepEqual([config.apiv3_key.expose(), config.private_key.expose(), config.mchid], [canary, private_key, '1900000001']);
    const { code } = await merchants.getMerchant(node.ctx, account.merchant_id);
    assert.deepEqual(
      { ...taken, config: undefined },
      { id: account.id, version: 1, merchant_id: account.merchant_id, merchant_code: code, livemode: false, channel: 'wechatpay', config: undefined },
    );
  });

  test('J-05: secrets of another account or version do not open', async () => {
    const { merchant_id, id } = await anAccount();
    const thief = await anAccount({ merchant_id });
    await sql`update channel_account_versions set secrets_sealed = (select secrets_sealed from channel_account_versions where channel_account_id = ${id}) where channel_account_id = ${thief.id}`.execute(
      node.ctx.db.kysely,
    );
    await assert.rejects(merchants.getAccount(node.ctx, merchant_id, thief.id, 1), { name: 'VaultError' });
  });

  const wrong: Record<string, [input: Partial<merchants.NewChannelAccount>, param: string]> = {
    'a channel that is none': [{ channel: 'cash' }, 'channel'],
    'a name that cannot be seen': [{ name: '\u200B' }, 'name'],
    'a priority that is no number': [{ priority: 1.5 }, 'priority'],
    'a missing secret': [{ settings: someSettings({ apiv3_key: undefined }) }, 'settings.apiv3_key'],
    'an unknown setting': [{ settings: someSettings({ password: canary }) }, 'settings.password'],
    'a setting of another type': [{ settings: someSettings({ mchid: 1900000001 }) }, 'settings.mchid'],
    'a key that does not parse': [{ settings: someSettings({ private_key: `${canary} is no key` }) }, 'settings.private_key'],
    'a gateway with a password in its address': [{ settings: someSettings({ gateway_url: 'https://user:pw@api.mch.weixin.qq.com' }) }, 'settings.gateway_url'],
    'a gateway inside the network': [{ settings: someSettings({ gateway_url: 'http://169.254.169.254' }) }, 'settings.gateway_url'],
    'a live account at a simulator': [{ livemode: true, settings: someSettings({ gateway_url: 'http://127.0.0.1/sim/wechatpay' }) }, 'settings.gateway_url'],
  };
  for (const [what, [input, param]] of Object.entries(wrong)) {
    test(`refuse ${what}, by name, without its value and without writing`, async () => {
      const { id: merchant_id } = await aMerchant();
      await assert.rejects(
        anAccount({ merchant_id, ...input }),
        (error) => refusedWith({ refused: 'parameter_invalid', param })(error) && !inspect(error, { depth: 9 }).includes('CANARY'),
      );
      assert.deepEqual(await merchants.listChannelAccounts(node.ctx, { merchant_id }), []);
    });
  }

  test('need a merchant that exists', async () => {
    await assert.rejects(anAccount({ merchant_id: 'mer_01JD0000000000000000000000' }), refusedWith({ refused: 'merchant_not_found', param: 'merchant_id' }));
  });

  test('an update makes a version, keeps the settings that were not given, and leaves the old version as it was', async () => {
    const { id: channel_account_id, merchant_id } = await anAccount();
    const before_update = await merchants.getAccount(node.ctx, merchant_id, channel_account_id, 1);
    const updated = await merchants.updateChannelAccount(node.ctx, {
      merchant_id,
      channel_account_id,
      name: '微信二号',
      settings: { apiv3_key: 'b'.repeat(32), trust_unsigned_errors: true },
    });
    assert.deepEqual({ version: updated.version, name: updated.name, secrets: updated.secrets.length }, { version: 2, name: '微信二号', secrets: 2 });
    const now = await merchants.findAccountById(node.ctx, channel_account_id);
    const config = now?.config as { apiv3_key: Secret; private_key: Secret; trust_unsigned_errors: boolean };
    assert.deepEqual(
      [now?.version, config.apiv3_key.expose(), config.private_key.expose(), config.trust_unsigned_errors],
      [2, 'b'.repeat(32), private_key, true],
    );
    assert.deepEqual(await merchants.getAccount(other.ctx, merchant_id, channel_account_id, 1), before_update);

    const cleared = await merchants.updateChannelAccount(node.ctx, { merchant_id, channel_account_id, settings: { trust_unsigned_errors: null } });
    assert.deepEqual([cleared.version, 'trust_unsigned_errors' in cleared.settings], [3, false]);
    await assert.rejects(
      merchants.updateChannelAccount(node.ctx, { merchant_id, channel_account_id, settings: { private_key: null } }),
      refusedWith({ refused: 'parameter_invalid', param: 'settings.private_key' }),
    );
    await assert.rejects(merchants.getAccount(node.ctx, merchant_id, channel_account_id, 4), /version 4/);
  });

  test('an update that changes nothing makes no version, and one of the name alone neither', async () => {
    const { id: channel_account_id, merchant_id, ...account } = await anAccount();
    assert.equal((await merchants.updateChannelAccount(node.ctx, { merchant_id, channel_account_id, settings: { apiv3_key: canary } })).version, 1);
    assert.deepEqual(await merchants.updateChannelAccount(node.ctx, { merchant_id, channel_account_id, name: 'x', priority: 1 }), {
      ...account,
      id: channel_account_id,
      merchant_id,
      name: 'x',
      priority: 1,
    });
  });

  test('updates at the same time all take effect, each in a version of its own', async () => {
    const { id: channel_account_id, merchant_id } = await anAccount();
    const changes = [{ appid: 'wx2' }, { trust_unsigned_errors: true }, { apiv3_key: 'c'.repeat(32) }, { serial_no: 'ABCDEF1234567890' }];
    await Promise.all(
      changes.map((settings, index) =>
        merchants.updateChannelAccount([node.ctx, other.ctx][index % 2] as TestCtx['ctx'], { merchant_id, channel_account_id, settings }),
      ),
    );
    const account = await merchants.showChannelAccount(node.ctx, { merchant_id, channel_account_id });
    assert.equal(account.version, 5);
    const { appid, serial_no, trust_unsigned_errors } = account.settings;
    assert.deepEqual({ appid, serial_no, trust_unsigned_errors }, { appid: 'wx2', serial_no: 'ABCDEF1234567890', trust_unsigned_errors: true });
  });

  test('only active ones of the right mode take payments, in their order; notifications find them in any state', async () => {
    const { id: merchant_id } = await aMerchant();
    const second = await anAccount({ merchant_id, priority: 20 });
    const first = await anAccount({ merchant_id, priority: 10 });
    const live = await anAccount({ merchant_id, livemode: true });
    const active = async (livemode = false, { ctx } = node) =>
      (await merchants.listActiveAccounts(ctx, merchant_id, livemode)).map(({ account, priority }) => [account.id, priority]);
    assert.deepEqual(await active(), [
      [first.id, 10],
      [second.id, 20],
    ]);
    assert.deepEqual(await active(true), [[live.id, 100]]);
    assert.deepEqual(await active(false, other), [
      [first.id, 10],
      [second.id, 20],
    ]);

    const named = { merchant_id, channel_account_id: first.id };
    const news = newsOn(other, 'channel_accounts', `${merchant_id}/${first.id}`);
    assert.equal((await merchants.pauseChannelAccount(node.ctx, named)).state, 'paused');
    assert.deepEqual(await active(), [[second.id, 20]]);
    await news;
    assert.deepEqual(await active(false, other), [[second.id, 20]]);
    assert.equal((await merchants.resumeChannelAccount(node.ctx, named)).state, 'active');
    assert.equal((await merchants.closeChannelAccount(node.ctx, named)).state, 'closed');
    assert.equal((await merchants.closeChannelAccount(node.ctx, named)).state, 'closed');
    await assert.rejects(merchants.resumeChannelAccount(node.ctx, named), refusedWith({ refused: 'channel_account_closed', param: 'channel_account_id' }));
    assert.deepEqual(await active(), [[second.id, 20]]);
    assert.equal((await merchants.findAccountById(node.ctx, first.id))?.id, first.id);
    assert.deepEqual(
      (await merchants.listChannelAccounts(node.ctx, { merchant_id })).map(({ id }) => id),
      [first.id, second.id, live.id],
    );
    assert.deepEqual(
      (await merchants.listChannelAccounts(node.ctx, { merchant_id, livemode: true })).map(({ id }) => id),
      [live.id],
    );
  });

  test("A-07: another merchant's account is not found", async () => {
    const { id: channel_account_id } = await anAccount();
    const { id: merchant_id } = await aMerchant();
    for (const act of [merchants.showChannelAccount, merchants.pauseChannelAccount, merchants.updateChannelAccount]) {
      await assert.rejects(
        act(node.ctx, { merchant_id, channel_account_id }),
        refusedWith({ refused: 'channel_account_not_found', param: 'channel_account_id' }),
      );
    }
  });

  test('an address that names no account finds none, whatever it is', async () => {
    for (const id of ['acc_01JD0000000000000000000000', 'acc_', "' or 1=1", 'mer_01JD0000000000000000000000', '']) {
      assert.equal(await merchants.findAccountById(node.ctx, id), undefined);
    }
  });

  test('a merchant has only so many', async () => {
    const { merchant_id, ...account } = await anAccount();
    await sql`insert into channel_accounts (merchant_id, id, livemode, channel, name, version, created_at)
      select merchant_id, 'acc_' || n, livemode, channel, name, 1, created_at from channel_accounts, generate_series(2, ${channel_accounts_per_merchant_max}::int) n
      where id = ${account.id}`.execute(node.ctx.db.kysely);
    await assert.rejects(anAccount({ merchant_id }), refusedWith({ refused: 'too_many_channel_accounts', param: undefined }));
    await merchants.closeChannelAccount(node.ctx, { merchant_id, channel_account_id: account.id });
    assert.equal((await anAccount({ merchant_id })).state, 'active');
  });
});
