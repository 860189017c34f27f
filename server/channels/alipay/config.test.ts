import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { readSettings } from '../account-settings.ts';
import type { Channel } from '../define.ts';
import { type Config, keysOf } from './config.ts';
import { alipay } from './index.ts';
import { appKey, config } from './test-account.ts';
import { openTestGateway } from './test-gateway.ts';

const setUp = closedAfterEach(openTestGateway);

describe('alipay, settings', () => {
  const settings = { ...config, app_private_key: config.app_private_key.expose() };
  const read = (changes: Record<string, unknown>) =>
    readSettings(alipay as unknown as Channel, Object.fromEntries(Object.entries({ ...settings, ...changes }).filter(([, value]) => value !== undefined)));
  const bare = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, '');

  test('keys are taken as PEM and as the bare Base64 of PKCS#8 and PKCS#1', () => {
    const pkcs1 = createPrivateKey(settings.app_private_key).export({ type: 'pkcs1', format: 'pem' }).toString();
    for (const app_private_key of [settings.app_private_key, bare(settings.app_private_key), pkcs1, bare(pkcs1)]) {
      for (const alipay_public_key of [config.alipay_public_key as string, bare(config.alipay_public_key as string)]) {
        const found = read({ app_private_key, alipay_public_key });
        assert.ok('config' in found, JSON.stringify(found));
        assert.ok(keysOf(found.config as Config).app.equals(appKey.privateKey));
      }
    }
  });

  const wrong: [string, Record<string, unknown>, string][] = [
    ['a key that does not parse', { app_private_key: 'MIIB' }, 'app_private_key'],
    [
      'a key of 1024 bits',
      { app_private_key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
      'app_private_key',
    ],
    ["the application's own public key", { alipay_public_key: appKey.publicKey.export({ type: 'spki', format: 'pem' }).toString() }, 'alipay_public_key'],
    ['a public key that does not parse', { alipay_public_key: 'x' }, 'alipay_public_key'],
    ['no trust at all', { alipay_public_key: undefined }, 'app_certificate'],
    ['both ways of trust', { app_certificate: 'x' }, 'app_certificate'],
    ['a token without its application', { app_auth_token: 't' }, 'auth_app_id'],
    ['an application without its token', { auth_app_id: '2021000000000002' }, 'app_auth_token'],
    ['a content key of 15 bytes', { aes_key: Buffer.alloc(15).toString('base64') }, 'aes_key'],
    ['a seller that is no user number', { seller_id: '1234567890123456' }, 'seller_id'],
    ['a gateway that is no address', { gateway_url: 'ftp://x' }, 'gateway_url'],
    ['a field that is not known', { app_key: 'x' }, 'app_key'],
  ];
  for (const [what, changes, param] of wrong) {
    test(`refused, and named: ${what}`, () => {
      const found = read(changes);
      assert.equal('problem' in found ? found.param : undefined, param);
    });
  }

  test('certificates of another application are refused', async () => {
    const gateway = await setUp();
    const own = (await gateway.account('direct', 'certificate')).config;
    const { app_certificate, alipay_certificate, alipay_root_certificates } = own;
    const found = read({ alipay_public_key: undefined, app_certificate, alipay_certificate, alipay_root_certificates });
    assert.equal('problem' in found ? found.param : undefined, 'app_certificate');
  });

  test('the identity is the calling application, the represented one, and the seller', () => {
    assert.deepEqual(alipay.identity(config, {}), { app_id: config.app_id, auth_app_id: config.app_id, seller_id: config.seller_id });
    assert.equal(alipay.identity({ ...config, auth_app_id: '2021000000000005' }, {}).auth_app_id, '2021000000000005');
  });
});
