import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { api_body_bytes_max, notification_body_bytes_max } from '../../kernel/limits.ts';
import { type Shop, shopOf } from '../../payments/testing/shop.ts';
import { unchanged } from '../state.ts';
import { aWorld, type World } from '../world.ts';
import { requestsSent, shoot, talk } from './attacker.ts';

/** What no HTTP client would send, with a good key: framing that two readers take apart differently, and bodies without end. */
let world: World;
let shop: Shop;
let port: number;
let order: string;
before(async () => {
  world = await aWorld();
  shop = shopOf(world);
  port = world.ctx.config.port;
  order = JSON.stringify(shop.order({ merchant_order_no: 'smuggled' }));
});
after(() => world.close());

const head = (more: readonly string[] = [], method = 'POST', target = '/v1/payments', version = 'HTTP/1.1') =>
  [`${method} ${target} ${version}`, 'Host: heliu', `Authorization: Bearer ${shop.key}`, 'Content-Type: application/json', ...more, '', ''].join('\r\n');
/** A whole request of ours that would make a payment: what a smuggler hides behind another. */
const hidden = () => `${head([`Content-Length: ${Buffer.byteLength(order)}`])}${order}`;
const chunked = (body: string) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const inFlight = async () => {
  await shoot(`http://127.0.0.1:${port}/metrics`).then(({ text }) => assert.match(text, /heliu_http_requests_in_flight 0/));
};

describe('A-17: a request that could be read in two ways', () => {
  const cases: Readonly<Record<string, () => string>> = {
    'length and chunks': () => head(['Content-Length: 5', 'Transfer-Encoding: chunked']) + chunked('') + hidden(),
    'chunks and length': () => head(['Transfer-Encoding: chunked', `Content-Length: ${hidden().length}`]) + chunked('') + hidden(),
    'two lengths': () => head(['Content-Length: 0', `Content-Length: ${hidden().length}`]) + hidden(),
    'two lengths in one field': () => head([`Content-Length: 0, ${hidden().length}`]) + hidden(),
    'a length with a sign': () => head(['Content-Length: +0']) + hidden(),
    'a negative length': () => head(['Content-Length: -1']) + hidden(),
    'a length in hexadecimal': () => head(['Content-Length: 0x10']) + hidden(),
    'a length beyond 2^64': () => head(['Content-Length: 18446744073709551616']) + hidden(),
    'a length in full-width digits': () => head(['Content-Length: \uff10']) + hidden(),
    'a space before the colon': () => head(['Content-Length : 0', `Content-Length: ${hidden().length}`]) + hidden(),
    'a coding that is not known': () => head(['Transfer-Encoding: xchunked']) + chunked('') + hidden(),
    'chunks that are not the last coding': () => head(['Transfer-Encoding: chunked, identity']) + chunked('') + hidden(),
    'chunks behind a vertical tab': () => head(['Transfer-Encoding: \u000bchunked']) + chunked('') + hidden(),
    'chunks on a folded line': () => head(['Transfer-Encoding:', ' chunked', 'Content-Length: 0']) + chunked('') + hidden(),
    'two codings': () => head(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']) + chunked('') + hidden(),
    'a chunk size that is no number': () => `${head(['Transfer-Encoding: chunked'])}ZZ\r\n\r\n0\r\n\r\n${hidden()}`,
    'a chunk size beyond 2^64': () => `${head(['Transfer-Encoding: chunked'])}fffffffffffffffff0\r\n${hidden()}`,
    'a negative chunk size': () => `${head(['Transfer-Encoding: chunked'])}-1\r\n${hidden()}`,
    'a chunk size with 0x': () => `${head(['Transfer-Encoding: chunked'])}0x0\r\n\r\n${hidden()}`,
    'a chunk that is longer than it says': () => `${head(['Transfer-Encoding: chunked'])}1\r\n{}\r\n0\r\n\r\n${hidden()}`,
    'a chunk size that ends in a bare LF': () => `${head(['Transfer-Encoding: chunked'])}2\n{}\r\n0\r\n\r\n${hidden()}`,
    'a header line that ends in a bare CR': () => head(['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 0']) + hidden(),
    'lines that end in a bare LF': () => head(['Content-Length: 0']).replaceAll('\r\n', '\n') + hidden(),
    'a NUL in a header': () => head(['X-A: b\u0000c', 'Content-Length: 0']) + hidden(),
    'a header without a colon': () => head(['X-A', 'Content-Length: 0']) + hidden(),
    'a header name with a space': () => head(['X A: b', 'Content-Length: 0']) + hidden(),
    'a folded line': () => head(['X-A: b', ' c', 'Content-Length: 0']) + hidden(),
    'no host': () => head(['Content-Length: 0']).replace('Host: heliu\r\n', '') + hidden(),
    'two hosts': () => head(['Host: other', 'Content-Length: 0']) + hidden(),
    'another protocol': () => head(['Content-Length: 0'], 'POST', '/v1/payments', 'HTTP/9.9') + hidden(),
    'a request line of two words': () => `GET /v1/payments\r\n\r\n${hidden()}`,
    'a preface of HTTP/2': () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden()}`,
    'a method that is none': () => head(['Content-Length: 0'], 'PÖST') + hidden(),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    it(`(${what}) is answered once at most, with a refusal, and what hides behind it is never heard`, () =>
      unchanged(world.ctx, async () => {
        // The client is heard out first: a request that waits for more is closed by its own end.
        const heard = await talk(port, Buffer.from(bytes(), 'utf8'));
        const answers = heard.split('HTTP/1.1 ').slice(1);
        assert.equal(answers.length, 1, heard);
        assert.match(answers[0] as string, /^(?:400|404|405|408|415|431|501|505) /, heard);
      }));
  }

  it('and the server serves on, with nothing left under way', async () => {
    assert.equal((await shoot(`http://127.0.0.1:${port}/v1/payments`, { headers: { authorization: `Bearer ${shop.key}` } })).status, 200);
    await inFlight();
  });

  it('what is one request for everyone is one: pipelined requests are answered in their order', async () => {
    const read = head(['Content-Length: 0', 'Connection: keep-alive'], 'GET').replace('Content-Type: application/json\r\n', '');
    const heard = await talk(port, read + read + read.replace('keep-alive', 'close'));
    assert.equal(heard.split('HTTP/1.1 200 ').length - 1, 3);
  });
});

describe('A-16: a body that is too much', () => {
  const refused = (heard: string, statuses: string) => assert.match(heard, new RegExp(`^(?:HTTP/1\\.1 (?:${statuses}) |$)`), heard.slice(0, 300));

  for (const bytes of [api_body_bytes_max + 1, 2 ** 20, 2 ** 30, Number.MAX_SAFE_INTEGER]) {
    it(`of ${bytes} bytes is refused by its announcement`, () =>
      unchanged(world.ctx, async () => refused(await talk(port, head([`Content-Length: ${bytes}`, 'Connection: close'])), '413')));
  }

  it('in chunks without end is cut off soon after the limit, and the memory of it is given back', () =>
    unchanged(world.ctx, async () => {
      for (const [target, limit] of [
        ['/v1/payments', api_body_bytes_max],
        [`/notify/wechatpay/${shop.accounts.get('wechatpay')}`, notification_body_bytes_max],
      ] as const) {
        const { taken, heard } = await pour(head(['Transfer-Encoding: chunked'], 'POST', target));
        refused(heard, '413');
        // The kernel's buffers on both sides take some megabytes before anyone reads.
        assert.ok(taken > limit && taken < 64 * 2 ** 20, `${taken} bytes were taken`);
      }
    }));

  it('as a gzip bomb, a million keys or a hundred thousand levels is refused unread', () =>
    unchanged(world.ctx, async () => {
      const bomb = gzipSync(Buffer.alloc(32 * 2 ** 20, 0x20));
      const headers = { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' };
      const url = `http://127.0.0.1:${port}/v1/payments`;
      const send = (body: string | Buffer, more: Record<string, string> = {}) => shoot(url, { method: 'POST', headers: { ...headers, ...more }, body });
      for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'identity', 'GZIP, gzip'])
        assert.equal((await send(bomb, { 'content-encoding': encoding })).status, 415, encoding);
      assert.equal((await send(JSON.stringify(Object.fromEntries(Array.from({ length: 1_000_000 }, (_, at) => [at, 0]))))).status, 413);
      assert.equal((await send('['.repeat(100_000))).status, 413);
      assert.equal((await send('['.repeat(60_000))).status, 400);
      assert.equal((await send(`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).status, 400);
      assert.equal((await send(`{${'"a":{'.repeat(12_000)}`)).status, 400);
    }));

  it('or headers that are too much, or too many, are refused', () =>
    unchanged(world.ctx, async () => {
      refused(await talk(port, head([`X-A: ${'a'.repeat(64 * 1024)}`])), '431');
      refused(await talk(port, head(Array.from({ length: 20_000 }, (_, at) => `X-${at}: a`))), '431');
      refused(await talk(port, `GET /${'a'.repeat(64 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n`), '431|414');
    }));

  it('or that comes a byte at a time is given up, while others are served', { timeout: 60_000 }, () =>
    unchanged(world.ctx, async () => {
      const server = (world.nodes[0] as World['nodes'][number]).http.fastify.server;
      // The limit is 15 s; the rule is what is shown here, not the patience.
      const { requestTimeout, headersTimeout } = server;
      Object.assign(server, { requestTimeout: 200, headersTimeout: 200 });
      try {
        const slow = [
          `POST /v1/payments HTTP/1.1\r\nHost: a\r\nX-Slow: `,
          head([`Content-Length: ${order.length}`]) + order.slice(0, 10),
          `${head(['Transfer-Encoding: chunked'])}1\r\n{\r\n`,
          head([`Content-Length: 100`], 'POST', `/notify/alipay/${shop.accounts.get('alipay')}`),
          'P',
        ];
        const given_up = slow.map((bytes) => talk(port, bytes));
        assert.equal((await shoot(`http://127.0.0.1:${port}/v1/payments`, { headers: { authorization: `Bearer ${shop.key}` } })).status, 200);
        for (const heard of await Promise.all(given_up)) refused(heard, '408');
      } finally {
        Object.assign(server, { requestTimeout, headersTimeout });
      }
      await inFlight();
    }),
  );

  /** Sends chunks until the other side has had enough. */
  function pour(first: string): Promise<{ readonly taken: number; readonly heard: string }> {
    return new Promise((resolve) => {
      let heard = '';
      const piece = `4000\r\n${'a'.repeat(0x4000)}\r\n`;
      const socket = connect(port, '127.0.0.1');
      const more = () => {
        while (socket.writable && socket.write(piece)) {
          // Until the socket is full.
        }
      };
      socket.setEncoding('latin1');
      socket.on('data', (data) => {
        heard += data;
      });
      socket.on('drain', more).on('error', () => undefined);
      socket.on('close', () => resolve({ taken: socket.bytesWritten, heard }));
      socket.write(first);
      more();
    });
  }
});

it('raw HTTP: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
