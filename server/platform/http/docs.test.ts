import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { errors, operations } from '@heliu/contract';
import { Validator } from '@seriousme/openapi-schema-validator';
import { sha256 } from '../../kernel/digest.ts';
import { docsPage } from './docs-page.ts';
import { html } from './html.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let t: TestServer;
before(async () => {
  t = await startTestServer({ config: { public_url: 'https://pay.example' } });
});
after(() => t.close());

test('/openapi.json is valid OpenAPI 3.1 and names this installation', async () => {
  const { status, headers, body } = await t.send('GET', '/openapi.json');
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/json; charset=utf-8']);
  assert.deepEqual((await new Validator().validate(body)).errors ?? [], []);
  assert.deepEqual((body as { servers: unknown }).servers, [{ url: 'https://pay.example' }]);
});

test('the page has a place for every operation and every error code, where doc_url points to', async () => {
  for (const lang of ['zh', 'en']) {
    const { text } = await t.send('GET', `/docs?lang=${lang}`);
    for (const { id } of operations) assert.equal(text.split(`id="${id}"`).length, 2, id);
    for (const code of Object.keys(errors)) assert.equal(text.split(`id="error-${code}"`).length, 2, code);
    const anchors = new Set([...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) assert.ok(anchors.has(target), `#${target} leads nowhere`);
  }
  const { body } = await t.send('GET', '/v1/nothing');
  assert.equal((body as { error: { doc_url: string } }).error.doc_url, 'https://pay.example/docs#error-route_unknown');
});

test('the page needs nothing from elsewhere: no script, no image, and one style that its policy names', async () => {
  const { text, headers } = await t.send('GET', '/docs');
  assert.doesNotMatch(text, /<(script|img|link|iframe|object|form)\b/i);
  assert.doesNotMatch(text, /\s(on\w+|style)=/i);
  assert.doesNotMatch(text, /@import|url\(/);
  const styles = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((match) => match[1] as string);
  assert.equal(styles.length, 1);
  assert.ok(headers.get('content-security-policy')?.includes(`style-src 'sha256-${sha256(styles[0] as string).toString('base64')}'`));
  assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'/);
  assert.match(text, /<meta name="viewport" content="width=device-width,initial-scale=1">/);
});

test('speaks Chinese first, English where the browser or the reader asks for it', async () => {
  const langOf = async (path: string, accept?: string) =>
    /<html lang="([^"]+)"/.exec((await t.send('GET', path, accept === undefined ? {} : { headers: { 'accept-language': accept } })).text)?.[1];
  assert.equal(await langOf('/docs'), 'zh-CN');
  assert.equal(await langOf('/docs', 'en-GB,en;q=0.9'), 'en');
  assert.equal(await langOf('/docs', 'zh-CN,zh;q=0.9,en;q=0.8'), 'zh-CN');
  assert.equal(await langOf('/docs?lang=en', 'zh-CN'), 'en');
  assert.equal(await langOf('/docs?lang=zh', 'en'), 'zh-CN');
  assert.equal(await langOf('/docs?lang=xx'), 'zh-CN');
});

test('shows a curl line for every operation, quoted for a shell', async () => {
  const { text } = await t.send('GET', '/docs?lang=en');
  assert.equal(text.split('curl &#39;https://pay.example/v1/').length - 1, operations.length);
  assert.ok(text.includes('-H &#39;Content-Type: application/json&#39;'));
});

test('the same contract gives the same page, and HEAD gives its headers', async () => {
  const input = { operations, public_url: 'https://pay.example', version: '1.0.0', language: 'zh' } as const;
  assert.equal(docsPage(input), docsPage(input));
  const head = await t.send('HEAD', '/docs');
  assert.deepEqual([head.status, head.text], [200, '']);
});

test('html escapes whatever is put into it', () => {
  const evil = `<script>alert("x")</script>&'`;
  assert.equal(
    html`<p title="${evil}">${[evil, html`<b>${1}</b>`]}${undefined}${false}</p>`.html,
    '<p title="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;<b>1</b></p>',
  );
});
