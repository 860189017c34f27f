import assert from 'node:assert/strict';
import { sign as signRsa } from 'node:crypto';
import { describe, test } from 'node:test';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { createTestRng } from '../../testing/rng.ts';
import { type Account, isSignable, type WireAnswer } from '../define.ts';
import { type Config, keysOf } from './config.ts';
import { alipay } from './index.ts';
import { alipaySimulator } from './simulator.ts';
import { account, clock, env, no_trust, wire } from './test-account.ts';
import { aPayment, openTestGateway, type TestGateway } from './test-gateway.ts';

const setUp = closedAfterEach(openTestGateway);

describe('alipay, CF-15 a certificate that was renewed', () => {
  test('is fetched by its number, believed for its root, and used from then on', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'certificate');
    const input = aPayment(gateway.clock, 'alipay_jsapi');
    gateway.simulator.inject({ kind: 'rotate_key' });
    assert.equal((await gateway.client.pay(account as Account, input)).fact.is, 'waiting');
    await gateway.simulator.act(input.channel_order_no, { do: 'pay' });
    const [message] = await gateway.delivered(1);
    assert.equal((await gateway.receive(account, message)).is, 'read', 'messages are signed with the new one too');
  });

  test('is learnt by asking when a message is the first that it signed, which does not name it', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'certificate');
    const input = aPayment(gateway.clock, 'alipay_jsapi');
    assert.equal((await gateway.client.pay(account as Account, input)).fact.is, 'waiting');
    gateway.simulator.inject({ kind: 'rotate_key' });
    await gateway.simulator.act(input.channel_order_no, { do: 'pay' });
    const [message] = await gateway.delivered(1);
    assert.equal((await gateway.receive(account, message)).is, 'read');
  });

  test("is believed for its root alone: not with other roots, not after its time, not when it is the application's own", async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'certificate');
    gateway.simulator.inject({ kind: 'rotate_key' });
    // The next answer waits for the new certificate.
    await gateway.sdk(account).exec('alipay.trade.query', { bizContent: { out_trade_no: 'T1' } });
    const answer = await download(account, newestSn(gateway));
    const fetch = alipay.trust?.fetch ?? assert.fail();
    const input = { unknown_key: newestSn(gateway) };
    assert.equal(fetch.verify(answer, account, no_trust, env, input), 'valid');
    const { roots } = await otherAuthority();
    const stranger = { ...account, config: { ...account.config, alipay_root_certificates: roots } };
    assert.equal(fetch.verify(answer, stranger, no_trust, env, input), 'invalid');
    assert.equal((fetch.outcome(answer, input, stranger, env) as { is: string }).is, 'ask');
    assert.equal(fetch.verify(answer, account, no_trust, { ...env, now: new Date('2040-01-01T00:00:00Z') }, input), 'invalid');
    assert.equal((fetch.outcome(answer, { unknown_key: '0'.repeat(32) }, account, env) as { is: string }).is, 'ask');
    const own = signedDownload(account, `${account.config.app_certificate}${account.config.alipay_certificate}`);
    assert.equal(fetch.verify(own, account, no_trust, env, {}), 'invalid');
    const changed = wire(answer.body.toString().replace('"Success"', '"success"'));
    assert.equal(fetch.verify(changed, account, no_trust, env, input), 'invalid');
  });

  test('nothing is fetched in key mode, nor without a number', async () => {
    const gateway = await setUp();
    const fetch = alipay.trust?.fetch ?? assert.fail();
    assert.deepEqual(fetch.request({ unknown_key: '0'.repeat(32) }, account, env), { local: { is: 'keys', keys: new Map() } });
    const held = fetch.request({}, await gateway.account('direct', 'certificate'), env);
    assert.ok('local' in held && held.local.is === 'keys' && held.local.keys.size === 1);
  });

  test('B-12 a number that is none is not asked for', async () => {
    const gateway = await setUp();
    const certified = await gateway.account('direct', 'certificate');
    const named = (sn: string) => wire(`{"alipay_trade_query_response":{"code":"10000"},"alipay_cert_sn":"${sn}","sign":"AAAA"}`);
    const judge = (sn: string) => alipay.query.verify(named(sn), certified, no_trust, env, aPayment(clock, 'alipay_qr'));
    for (const sn of ['../../etc/passwd', 'A'.repeat(32), '0'.repeat(10_000)]) assert.equal(judge(sn), 'invalid');
    assert.deepEqual(judge('0'.repeat(32)), { unknown_key: '0'.repeat(32) });
  });
});

/** The number of the certificate that the gateway signs with now. */
function newestSn({ journal }: TestGateway): string {
  const saved = journal.findLast((entry) => (entry as { is: string }).is === 'authority') as { authority: { leaves: { sn: string }[] } };
  return saved.authority.leaves.at(-1)?.sn ?? assert.fail();
}

async function download(account: Account<Config>, unknown_key: string): Promise<WireAnswer> {
  const step = alipay.trust?.fetch.request({ unknown_key }, account, env);
  assert.ok(step && isSignable(step));
  const request = step.then(signRsa('sha256', Buffer.from(step.sign.message), step.sign.key).toString('base64'));
  assert.ok('origin' in request);
  const { origin, path, method, headers, body } = request;
  const answer = await fetch(origin + path, { method, headers, body: body ?? '' });
  return { status: answer.status, headers: {}, body: Buffer.from(await answer.arrayBuffer()) };
}

/** An answer by which an application tries to put its own certificate in the gateway's place. */
function signedDownload({ config }: Account<Config>, chain: string): WireAnswer {
  const raw = JSON.stringify({ code: '10000', msg: 'Success', alipay_cert_content: Buffer.from(chain).toString('base64') });
  const { app, certificates } = keysOf(config);
  const sign = signRsa('sha256', Buffer.from(raw), app).toString('base64');
  return wire(`{"alipay_open_app_alipaycert_download_response":${raw},"alipay_cert_sn":"${certificates?.app_sn}","sign":"${sign}"}`);
}

/** Roots of nobody that the account knows. */
async function otherAuthority(): Promise<{ roots: string }> {
  const ports = {
    clock,
    rng: createTestRng('other'),
    base_url: 'http://127.0.0.1',
    journal: { load: () => [], append: () => {} },
    send: () => Promise.reject(new Error('none')),
    time_scale: 1,
  };
  const settings = await alipaySimulator(ports).enroll({ mode: 'direct', trust: 'certificate' });
  return { roots: String(settings.alipay_root_certificates) };
}
