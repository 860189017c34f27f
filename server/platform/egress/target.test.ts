import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRanges } from './address.ts';
import { readTarget, type TargetRules } from './target.ts';

const strict: TargetRules = { allowed: [], webhook_allow_http: false, webhook_ports: [443, 8443], own_hostname: 'pay.example.com' };
const open: TargetRules = { ...strict, allowed: readRanges(['127.0.0.0/8']), webhook_allow_http: true, webhook_ports: [80, 443, 8080] };

const problemOf = (url: string, policy: 'channel' | 'webhook' = 'webhook', rules = strict): string | undefined => {
  const target = readTarget(url, policy, rules);
  return 'problem' in target ? target.problem : undefined;
};

const refused: readonly (readonly [id: string, url: string])[] = [
  ['F-01', 'https://127.0.0.1/'],
  ['F-01', 'https://localhost/'],
  ['F-01', 'https://a.localhost/'],
  ['F-01', 'https://localhost./'],
  ['F-01', 'https://printer.local/'],
  ['F-01', 'https://intranet/'],
  ['F-01', 'https://10.1.2.3/'],
  ['F-01', 'https://[::1]/'],
  ['F-01', 'https://[fd00::1]/'],
  ['F-01 own public name', 'https://pay.example.com/inbox'],
  ['F-01 own public name', 'https://PAY.example.com./inbox'],
  ['F-02', 'https://169.254.169.254/latest/meta-data/'],
  ['F-02', 'https://metadata.google.internal/'],
  ['F-02', 'https://100.100.100.200/'],
  ['F-03', 'https://127.1/'],
  ['F-03', 'https://0x7f000001/'],
  ['F-03', 'https://2130706433/'],
  ['F-03', 'https://0/'],
  ['F-03', 'https://0177.0.0.1/'],
  ['F-03', 'https://①②⑦.⓪.⓪.①/'],
  ['F-03', 'https://[::ffff:127.0.0.1]/'],
  ['F-03', 'https://[64:ff9b::7f00:1]/'],
  ['F-03', 'https://[2002:7f00:1::]/'],
  ['F-03', 'https://user@example.com/'],
  ['F-03', 'https://example.com:pass@127.0.0.1/'],
  ['F-06', 'http://example.com/'],
  ['F-06', 'ftp://example.com/'],
  ['F-06', 'file:///etc/passwd'],
  ['F-06', 'gopher://example.com:70/'],
  ['F-06', 'https://example.com:5432/'],
  ['F-06', 'https://example.com:22/'],
  ['F-06', 'javascript:alert(1)'],
  ['F-07', 'https://example.com/a\r\nHost: inside'],
  ['F-07', 'https://exam\tple.com/'],
  ['F-07', 'https://example.com/a b'],
  ['F-07', 'https://example.com\\@127.0.0.1/'],
  ['F-07', ' https://example.com/'],
  ['', 'https://example.com/#fragment'],
  ['', 'example.com'],
  ['', ''],
];

for (const [id, url] of refused) {
  test(`${id} refuses the webhook URL ${JSON.stringify(url)}`, () => assert.equal(typeof problemOf(url), 'string'));
}

test('accepts public webhook URLs and keeps their path and query byte for byte', () => {
  assert.deepEqual(readTarget('https://example.com:8443/hooks/%2e?a=1&b=%20', 'webhook', strict), {
    origin: 'https://example.com:8443',
    hostname: 'example.com',
    path: '/hooks/%2e?a=1&b=%20',
  });
  for (const [url, path] of [
    ['https://example.com', '/'],
    ['https://example.com?a=1', '/?a=1'],
    ['https://example.com/a|b?c=\'"<', '/a|b?c=\'"<'],
    ['https://example.com/钩子', '/%E9%92%A9%E5%AD%90'],
  ] as const) {
    assert.deepEqual(readTarget(url, 'webhook', strict), { origin: 'https://example.com', hostname: 'example.com', path });
  }
  assert.equal(problemOf('https://例子.测试/钩子'), undefined);
  assert.equal(problemOf('https://[2606:4700:4700::1111]/'), undefined);
});

test('the development switches open plain http, ports and private names, and no more than they say', () => {
  assert.equal(problemOf('http://127.0.0.1:8080/', 'webhook', open), undefined);
  assert.equal(problemOf('http://localhost:8080/', 'webhook', open), undefined);
  assert.equal(typeof problemOf('http://127.0.0.1:22/', 'webhook', open), 'string');
  assert.equal(typeof problemOf('http://10.0.0.1/', 'webhook', open), 'string');
});

test('F-13: a channel is called over https on any port, over http only at an opened address', () => {
  assert.equal(problemOf('https://api.mch.weixin.qq.com/v3/pay', 'channel'), undefined);
  assert.equal(problemOf('https://gateway.example.com:9443/', 'channel'), undefined);
  assert.equal(typeof problemOf('http://gateway.example.com/', 'channel'), 'string');
  assert.equal(typeof problemOf('https://10.0.0.1/', 'channel'), 'string');
  assert.equal(problemOf('http://127.0.0.1:9999/', 'channel', open), undefined);
  assert.equal(typeof problemOf('http://1.1.1.1/', 'channel', open), 'string');
});
