import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { isSignedBy, readSignature, type SignedRequest } from '../../access/signature.ts';
import { aSignedRequest } from '../../access/test-signer.ts';
import { readForm } from '../../channels/alipay/form.ts';
import { alipay } from '../../channels/alipay/index.ts';
import { readEnvelope, signed_without, stringToSign } from '../../channels/alipay/sign.ts';
import { account as alipay_account, config as alipay_config, env, no_trust, signText } from '../../channels/alipay/test-account.ts';
import { parseFlatXml } from '../../channels/flat-xml.ts';
import { readXml } from '../../channels/kit/gateway/xml.ts';
import { judge } from '../../channels/trust.ts';
import { verifyMessage } from '../../channels/wechatpay/sign.ts';
import { fuzz, mutated, seed, soup } from './fuzz.ts';

/** What gateways and merchants send and sign, changed as no honest program would: never taken for what it is not, never read in two ways. */
let runs = 0;
const tried = async (count: Promise<number>) => {
  runs += await count;
};
const report = (t: TestContext) => t.diagnostic(`${runs} inputs, seed ${seed}`);

describe('B-05 B-06 B-07: XML of a gateway', () => {
  const pieces = [
    '<xml>',
    '</xml>',
    '<a>',
    '</a>',
    '<b>1</b>',
    '<a/>',
    '<total_fee>',
    '</total_fee>',
    '1',
    '100',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?xml version="1.0"?>',
    '<!DOCTYPE xml [',
    '<!ENTITY x "y">',
    ']>',
    '&x;',
    '&lt;',
    '&#49;',
    '<xi:include href="x"/>',
    '<a x="1">',
    ' ',
    '\n',
    '<__proto__>',
    '</__proto__>',
    '<constructor>',
    '</constructor>',
    '<toString/>',
    '<',
    '>',
    '&',
  ];

  it('is refused, or is flat texts that a second reader takes alike', () =>
    tried(
      fuzz(
        fc.oneof(
          soup(...pieces),
          soup(...pieces).map((inner) => `<xml>${inner}</xml>`),
        ),
        (text) => {
          let fields: Readonly<Record<string, string>>;
          try {
            fields = parseFlatXml(text);
          } catch (error) {
            assert.ok(error instanceof Error && !(error instanceof RangeError), `${text}: ${error}`);
            return;
          }
          assert.doesNotMatch(text, /<!(?:DOCTYPE|ENTITY)/i);
          assert.equal(Object.getPrototypeOf(fields), null);
          for (const value of Object.values(fields)) assert.equal(typeof value, 'string');
          const other = readXml(text);
          // The library renames what JavaScript's objects are born with; no field of a gateway is called so.
          if (other && !/<(?:__proto__|constructor|toString)/.test(text)) assert.deepEqual({ ...fields }, Object.fromEntries(other), text);
        },
      ),
    ));

  it('that is deep, long or full of attributes ends in a refusal or flat texts', () => {
    for (const text of [
      `${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}`,
      `<xml>${'<a>'.repeat(20_000)}`,
      `<xml ${'a="1" '.repeat(20_000)}/>`,
      `<xml>${'<![CDATA['.repeat(20_000)}</xml>`,
      `<xml><a>${'&amp;'.repeat(50_000)}</a></xml>`,
      `<xml>${'<!-- '.repeat(20_000)}</xml>`,
    ]) {
      try {
        for (const value of Object.values(parseFlatXml(text))) assert.equal(typeof value, 'string');
      } catch (error) {
        assert.ok(error instanceof Error, `${error}`);
      }
    }
  });
});

describe('B-01 B-08: a notification', () => {
  const fields = {
    notify_type: 'trade_status_sync',
    charset: 'utf-8',
    app_id: alipay_config.app_id,
    auth_app_id: alipay_config.app_id,
    seller_id: alipay_config.seller_id,
    trade_no: '2026112222001400000000000001',
    out_trade_no: 'ABCDEF01JD0000000000000000000000',
    trade_status: 'TRADE_SUCCESS',
    total_amount: '88.88',
    gmt_payment: '2026-11-22 12:00:00',
    subject: '停车费 A&B=1+1',
  };
  const genuine = new URLSearchParams({ ...fields, sign_type: 'RSA2', sign: signText(stringToSign(Object.entries(fields), signed_without.v1)) }).toString();
  const message = (body: Uint8Array) => ({ path: '/notify', headers: {}, body: Buffer.from(body) });
  const said = alipay.notification.read(message(Buffer.from(genuine)), alipay_account, env);

  it('of alipay that was changed is not the gateway’s, or says the same', () =>
    tried(
      fuzz(
        fc.oneof(
          mutated(genuine),
          soup('out_trade_no=', 'sign=', '&', '=', '%', '%3D', '+', 'charset=gbk', 'sign_type=RSA2', '1').map((more) => Buffer.from(`${genuine}${more}`)),
        ),
        (body) => {
          if (judge(() => alipay.notification.verify(message(body), alipay_account, no_trust, env), no_trust) !== 'valid') return;
          assert.deepEqual(alipay.notification.read(message(body), alipay_account, env), said, body.toString());
        },
      ),
    ));

  it('of alipay is a form that URLSearchParams reads alike, or none', () =>
    tried(
      fuzz(soup('a', 'b', '=', '&', '+', '%41', '%', '%zz', '%E6%94%AF', '支', '\u0000', 'a=1', '&&'), (text) => {
        const form = readForm(Buffer.from(text));
        if (!form) return;
        const reference = new URLSearchParams(text);
        const decoded = (value: string) => Buffer.from(value, 'latin1').toString('utf8');
        for (const [name, value] of form) assert.deepEqual(reference.getAll(decoded(name)), [decoded(value)], text);
        assert.equal([...reference].length, form.size);
      }),
    ));

  it('of wechatpay that was changed in header or body is not the gateway’s', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const now = new Date('2026-11-22T04:00:00Z');
    const body = '{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{}}';
    const { sign } = await import('node:crypto');
    const [timestamp, nonce] = [String(now.getTime() / 1000), 'n0123456789abcdef'];
    const signature = sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), privateKey).toString('base64');
    const good = { 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': 'PUB_KEY_ID_1', 'wechatpay-signature': signature };
    const verdict = (headers: Record<string, string>, bytes: Buffer) =>
      judge(() => verifyMessage(headers, bytes, now, (serial) => (serial === 'PUB_KEY_ID_1' ? publicKey : undefined)), no_trust);
    assert.equal(verdict(good, Buffer.from(body)), 'valid');
    const header = fc.constantFrom(...(Object.keys(good) as (keyof typeof good)[]));
    const change = fc.oneof(
      mutated(body).map((bytes) => ({ headers: good as Record<string, string>, bytes })),
      header.chain((name) => mutated(good[name]).map((value) => ({ headers: { ...good, [name]: value.toString('latin1') }, bytes: Buffer.from(body) }))),
      fc.tuple(mutated(nonce), mutated(body)).map(([value, bytes]) => ({ headers: { ...good, 'wechatpay-nonce': value.toString('latin1') }, bytes })),
    );
    await tried(
      fuzz(change, ({ headers, bytes }) => {
        if (verdict(headers, bytes) !== 'valid') return;
        // Base64 has several spellings of the same signature; all that is signed must be what it was.
        const { 'wechatpay-signature': given, ...rest } = headers;
        assert.deepEqual(
          [Buffer.from(given ?? '', 'base64'), bytes.toString(), rest['wechatpay-nonce'], Number(rest['wechatpay-timestamp'])],
          [Buffer.from(signature, 'base64'), body, nonce, Number(timestamp)],
        );
      }),
    );
  });

  it('or an answer of alipay is cut where JSON.parse would cut it', () =>
    tried(
      fuzz(
        fc.oneof(
          fc
            .tuple(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('', ' ', '\n'))
            .map(([node, other, space]) => `{"other":${JSON.stringify(other)},${space}"node"${space}:${space}${JSON.stringify(node)}${space},"sign":"x"}`),
          soup('{', '}', '"node":', '"sign":"x"', ',', '{"a":"}"}', '"', '\\', '[', ']', '1'),
        ),
        (text) => {
          const envelope = readEnvelope(text, ['node']);
          if (envelope) assert.deepEqual(JSON.parse(envelope.raw), (JSON.parse(text) as { node: unknown }).node, text);
        },
      ),
    ));
});

describe('A-02 A-03 A-04: a request signature', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const headers = aSignedRequest({
    method: 'POST',
    public_url: 'https://pay.example',
    target: '/v1/payments',
    body: '{"a":1}',
    keyid: 'key_1',
    private_key: privateKey,
    idempotency_key: 'k1',
  });
  const request = { method: 'POST', public_url: 'https://pay.example', target: '/v1/payments', headers } satisfies SignedRequest;
  const claim = readSignature(request);
  assert(claim && isSignedBy(claim, publicKey));
  const names = ['signature', 'signature-input', 'content-digest', 'idempotency-key', 'content-type'] as const;

  it('whose headers were changed is none, fails, or claims exactly what was signed', () =>
    tried(
      fuzz(
        fc.constantFrom(...names).chain((name) =>
          fc.tuple(
            fc.constant(name),
            fc.oneof(
              mutated(headers[name] as string).map((bytes) => bytes.toString('latin1')),
              soup(
                'sig=',
                '(',
                ')',
                '"@method"',
                '"@target-uri"',
                '"content-digest"',
                ';created=1',
                ';keyid="key_1"',
                ';nonce="0123456789abcdef"',
                ';alg="ed25519"',
                ':AAAA:',
                ',',
                ' ',
                '"',
                '\\',
                ';req',
                ';bs',
                ';sf',
                ';key="a"',
                'sha-256=',
                ':',
              ),
            ),
          ),
        ),
        ([name, value]) => {
          const changed = readSignature({ ...request, headers: { ...headers, [name]: value } });
          if (!changed || !isSignedBy(changed, publicKey)) return;
          assert.deepEqual({ ...changed, base: '' }, { ...claim, base: '' }, `${name}: ${value}`);
        },
      ),
    ));

  it('of one target is of no other', () =>
    tried(
      fuzz(soup('/', 'v1', 'payments', '?', '&', '=', '%2F', '..', '.', '#', 'a', '%', ' ', '\\', '//'), (target) => {
        const changed = readSignature({ ...request, target });
        if (changed && target !== request.target) assert.ok(!isSignedBy(changed, publicKey), target);
      }),
    ));
});

it('inputs tried', report);
