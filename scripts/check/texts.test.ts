import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findChannelNames, findTextProblems, isTooLong, lines_max } from './texts.ts';

const home = ['', 'home', 'ann', 'heliu'].join('/');

test('reports a path of one machine, and not an address that looks like one', () => {
  for (const bad of [home, '/Users/Ann/heliu', '/root/.npmrc', '"/work/main"', 'C:\\Users\\Ann']) assert.equal(findTextProblems(`see ${bad}`).length, 1, bad);
  for (const good of ['https://example.com/home/ann', 'GET /v1/workers', 'server/root.ts', './work/x', '~/work/x', '/workspace/x', 'a/root/b']) {
    assert.deepEqual(findTextProblems(`see ${good}`), [], good);
  }
});

test('reports a private key with its line, and not the words that code looks for', () => {
  const heading = `-----BEGIN ${'PRIVATE'} KEY-----`;
  const body = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ';
  assert.deepEqual(findTextProblems(`a\nb\n${heading}\n${body}`), [{ line: 3, what: 'holds a private key' }]);
  assert.equal(findTextProblems(`const key = "${heading}\\n${body}"`).length, 1);
  assert.deepEqual(findTextProblems(`if (text.startsWith('${heading}')) return;`), []);
});

test('reports a channel that is named in code outside its folder and the registry', () => {
  const line = "if (channel === 'wechatpay') return;";
  const found = (path: string, text = line) => findChannelNames(path, text, ['wechatpay', 'alipay']).length;
  assert.equal(found('server/payments/service.ts'), 1);
  assert.equal(found('server/channels/client.ts'), 1);
  assert.equal(found('server/channels/wechatpay/wire.ts'), 0);
  assert.equal(found('server/channels/registry.ts'), 0);
  assert.equal(found('server/sandbox/wallet.ts'), 0);
  assert.equal(found('server/payments/service.test.ts'), 0);
  assert.equal(found('server/payments/service.ts', ` * such as 'wechatpay'`), 0);
  assert.deepEqual(findChannelNames('server/payments/service.ts', `const schema = 'heliu';`, ['wechatpay', 'heliu']), [], 'the program bears that name too');
});

test('reports code that is too long, and not a generated file, a test or prose', () => {
  const long = '\n'.repeat(lines_max);
  assert.ok(isTooLong('server/a.ts', long));
  for (const path of ['server/a.gen.ts', 'server/a.test.ts', 'docs/a.md']) assert.ok(!isTooLong(path, long), path);
  assert.ok(!isTooLong('server/a.ts', long.slice(1)));
});
