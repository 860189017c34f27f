import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Heliu, HeliuConnectionError, HeliuError } from './index.ts';
import { defaultRuntime } from './runtime.ts';
import { errorReply, paymentReply, type Reply, scriptedApi, withApi } from './testing/scripted-api.ts';

const body = { merchant_order_no: 'A-1', amount_fen: 100, subject: '一杯茶', method: 'wechat_qr' } as const;

const isError = (code: string) => (error: unknown) => error instanceof HeliuError && error.code === code;
const isConnectionError = (kind: string) => (error: unknown) => error instanceof HeliuConnectionError && error.kind === kind;

describe('a request', () => {
  test('carries the key, the JSON as given and an idempotency key of its own', () =>
    withApi([paymentReply(201)], async (api) => {
      const payment = await api.client().payments.create(body);
      assert.equal(payment.amount_fen, 100);
      const [request] = api.requests;
      assert.equal(`${request?.method} ${request?.url}`, 'POST /v1/payments');
      assert.equal(request?.headers.authorization, 'Bearer sk_test_CANARY');
      assert.equal(request?.headers['content-type'], 'application/json');
      assert.match(String(request?.headers['idempotency-key']), /^sdk-[0-9a-f]{32}$/);
      assert.match(String(request?.headers['user-agent']), /^heliu-sdk\/\d/);
      assert.deepEqual(JSON.parse(request?.body ?? ''), body);
    }));

  test('to read sends no idempotency key, no body and only the query that was given', () =>
    withApi([{ status: 200, json: { data: [], next_cursor: null } }], async (api) => {
      await api.client().payments.list({ state: 'paid', limit: 5 });
      assert.equal(api.requests[0]?.url, '/v1/payments?state=paid&limit=5');
      assert.equal(api.requests[0]?.headers['idempotency-key'], undefined);
      assert.equal(api.requests[0]?.headers['content-type'], undefined);
      assert.equal(api.requests[0]?.body, '');
    }));

  test('keeps the path of the base URL', () =>
    withApi([paymentReply()], async (api) => {
      await api.client({ baseUrl: `${api.baseUrl}/pay/` }).payments.sync('pay_1');
      assert.equal(api.requests[0]?.url, '/pay/v1/payments/pay_1/sync');
    }));

  test('escapes ids, so that none reaches another endpoint', () =>
    withApi([paymentReply()], async (api) => {
      const { payments } = api.client();
      await payments.retrieveByOrderNo('a|b@c*d/../e?f#g');
      assert.equal(api.requests[0]?.url, '/v1/payments/by-order-no/a%7Cb%40c*d%2F..%2Fe%3Ff%23g');
      for (const id of ['', '.', '..']) assert.throws(() => payments.retrieve(id), TypeError);
      assert.equal(api.requests.length, 1);
    }));

  test('takes the idempotency key that the caller gives', () =>
    withApi([paymentReply(201)], async (api) => {
      await api.client().payments.create(body, { idempotencyKey: 'mine' });
      assert.equal(api.requests[0]?.headers['idempotency-key'], 'mine');
    }));
});

describe('retries', () => {
  const failures: Record<string, Reply> = {
    'rate limit': errorReply(429, 'rate_limited', true, { 'retry-after': '1' }),
    overload: errorReply(503, 'overloaded', true),
    'internal error': errorReply(500, 'internal_error', true),
    'dropped connection': 'drop',
    "a proxy's page": { status: 502, text: '<html>Bad Gateway</html>' },
    'a page in place of an answer': { status: 200, text: '<html>Welcome to the hotel</html>' },
    'a cut answer': { status: 200, text: '{"object":"payment","id":' },
    'the first request still running': errorReply(409, 'request_in_progress', true),
  };

  test('H-03: whatever fails, every try of one call has one key and one body, and tries are bounded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...Object.keys(failures)), { maxLength: 5 }), async (names) => {
        await withApi([...names.map((name) => failures[name] as Reply), paymentReply(201)], async (api) => {
          const call = api.client({ maxRetries: 3 }).payments.create(body);
          if (names.length <= 3) assert.equal((await call).object, 'payment');
          else await assert.rejects(call);
          assert.equal(api.requests.length, Math.min(names.length, 3) + 1);
          assert.equal(new Set(api.requests.map((request) => request.headers['idempotency-key'])).size, 1);
          assert.equal(new Set(api.requests.map((request) => request.body)).size, 1);
        });
      }),
      { numRuns: 40 },
    );
  });

  test('two calls never share a key', () =>
    withApi([paymentReply()], async (api) => {
      const { payments } = api.client();
      await Promise.all(Array.from({ length: 50 }, () => payments.sync('pay_1')));
      assert.equal(new Set(api.requests.map((request) => request.headers['idempotency-key'])).size, 50);
    }));

  for (const [status, code] of [
    [400, 'parameter_invalid'],
    [401, 'unauthenticated'],
    [404, 'payment_not_found'],
    [409, 'idempotency_key_reused'],
    [409, 'payment_closing'],
    [422, 'refund_exceeds_paid'],
  ] as const) {
    test(`never repeat a refusal: ${status} ${code}`, () =>
      withApi([errorReply(status, code, code === 'payment_closing'), paymentReply()], async (api) => {
        await assert.rejects(api.client().payments.sync('pay_1'), isError(code));
        assert.equal(api.requests.length, 1);
      }));
  }

  test('wait as long as Retry-After says, in seconds or as a date', () =>
    withApi(
      [
        errorReply(429, 'rate_limited', true, { 'retry-after': '7' }),
        errorReply(503, 'overloaded', true, { 'retry-after': 'Sun, 22 Nov 2026 00:00:20 GMT' }),
        paymentReply(),
      ],
      async (api) => {
        await api.client({ runtime: { now: () => Date.parse('2026-11-22T00:00:00Z') } }).payments.sync('pay_1');
        assert.deepEqual(api.slept_ms, [7_000, 20_000]);
      },
    ));

  test('rest longer each time and never at the same moment as others', () =>
    withApi(['drop'], async (api) => {
      const bytes = [0, 255, 0, 255, 0, 255];
      const randomBytes = (length: number) => (length === 1 ? Uint8Array.of(bytes.shift() as number) : defaultRuntime.randomBytes(length));
      await assert.rejects(api.client({ maxRetries: 6, runtime: { randomBytes } }).payments.sync('pay_1'));
      assert.deepEqual(api.slept_ms, [250, 998, 1000, 3992, 4000, 7984]);
    }));

  test('give a long Retry-After to the caller instead of sleeping on it', () =>
    withApi([errorReply(429, 'rate_limited', true, { 'retry-after': '3600' })], async (api) => {
      await assert.rejects(api.client().payments.sync('pay_1'), (error) => error instanceof HeliuError && error.retryAfterS === 3600);
      assert.equal(api.requests.length, 1);
    }));
});

describe('time-outs and stopping', () => {
  test('a server that never answers is a timeout whose outcome is not known', () =>
    withApi(['hang'], async (api) => {
      const call = api.client({ timeoutMs: 20, maxRetries: 0 }).payments.create(body, { idempotencyKey: 'k1' });
      await assert.rejects(call, (error) => isConnectionError('timeout')(error) && (error as HeliuConnectionError).idempotencyKey === 'k1');
    }));

  test("the caller's signal stops a request under way with the caller's reason", () =>
    withApi(['hang'], async (api) => {
      const controller = new AbortController();
      const reason = new Error('the shop closed');
      const call = api
        .client({ runtime: { fetch: (url, init) => [fetch(url, init), controller.abort(reason)][0] as Promise<Response> } })
        .payments.sync('pay_1', { signal: controller.signal });
      await assert.rejects(call, reason);
    }));

  test('a signal that is already aborted sends nothing', () =>
    withApi([paymentReply()], async (api) => {
      await assert.rejects(api.client().payments.sync('pay_1', { signal: AbortSignal.abort() }), { name: 'AbortError' });
      assert.equal(api.requests.length, 0);
    }));

  test('a signal ends the rest between tries', () =>
    withApi([errorReply(503, 'overloaded', true), paymentReply()], async (api) => {
      const controller = new AbortController();
      const sleep = () => Promise.resolve(controller.abort());
      await assert.rejects(api.client({ runtime: { sleep } }).payments.sync('pay_1', { signal: controller.signal }), { name: 'AbortError' });
      assert.equal(api.requests.length, 1);
    }));

  test('the platform rest ends early with its signal and leaves no timer', async () => {
    const controller = new AbortController();
    const rest = defaultRuntime.sleep(3_600_000, controller.signal);
    controller.abort();
    await rest;
    await defaultRuntime.sleep(3_600_000, AbortSignal.abort());
  });
});

describe('answers', () => {
  test('an error says everything that the API said', () =>
    withApi(
      [
        {
          status: 400,
          json: {
            error: {
              code: 'parameter_invalid',
              message: 'Wrong.',
              message_zh: '错误。',
              param: 'amount_fen',
              request_id: 'req_9',
              doc_url: 'https://d',
              retryable: false,
            },
          },
        },
      ],
      async (api) => {
        await assert.rejects(api.client().payments.create(body, { idempotencyKey: 'k2' }), (error) => {
          assert(error instanceof HeliuError);
          assert.equal(error.message, 'amount_fen: Wrong. (parameter_invalid, request req_9)');
          const { name, code, messageZh, param, requestId, docUrl, retryable, status, idempotencyKey } = error;
          assert.deepEqual(
            { name, code, messageZh, param, requestId, docUrl, retryable, status, idempotencyKey },
            {
              name: 'HeliuError',
              code: 'parameter_invalid',
              messageZh: '错误。',
              param: 'amount_fen',
              requestId: 'req_9',
              docUrl: 'https://d',
              retryable: false,
              status: 400,
              idempotencyKey: 'k2',
            },
          );
          return true;
        });
      },
    ));

  for (const [what, reply] of Object.entries({
    'an error page with status 200': { status: 200, text: '<html>Forbidden</html>' },
    "another service's JSON": { status: 200, json: { ok: true } },
    'another object of ours': { status: 200, json: { object: 'refund' } },
    'an empty body': { status: 204, headers: {} },
    'an array': { status: 200, json: [] },
    null: { status: 200, json: null },
  } satisfies Record<string, Reply>)) {
    test(`H-02: ${what} is never taken for a success`, () =>
      withApi([reply], async (api) => {
        await assert.rejects(api.client({ maxRetries: 0 }).payments.retrieve('pay_1'), isConnectionError('unreadable_answer'));
      }));
  }

  test('a redirect is not followed: the key stays with its host', () =>
    withApi([paymentReply()], async (elsewhere) => {
      await withApi([{ status: 307, headers: { location: `${elsewhere.baseUrl}/v1/payments` }, json: {} }], async (api) => {
        await assert.rejects(api.client().payments.create(body), isConnectionError('unreadable_answer'));
        assert.equal(api.requests.length, 1);
      });
      assert.equal(elsewhere.requests.length, 0);
    }));

  test('an answer without end is cut off', () =>
    withApi([{ status: 200, text: 'x'.repeat(9 * 1024 * 1024) }], async (api) => {
      await assert.rejects(api.client({ maxRetries: 0 }).payments.retrieve('pay_1'), isConnectionError('unreadable_answer'));
    }));

  test('nobody listening is a network error that names the host', async () => {
    const api = await scriptedApi([paymentReply()]);
    await api.close();
    await assert.rejects(
      api.client({ maxRetries: 0 }).payments.retrieve('pay_1'),
      (error) => isConnectionError('network')(error) && (error as Error).message === `could not reach ${api.baseUrl}: ECONNREFUSED`,
    );
  });
});

describe('secrets', () => {
  test('J-03: no key in a client as shown, nor in any error', () =>
    withApi(['drop', errorReply(401, 'unauthenticated', false), { status: 200, text: '<html>' }], async (api) => {
      const client = api.client({ maxRetries: 0 });
      const shown = [inspect(client, { depth: 20, showHidden: true }), JSON.stringify(client)];
      for (let i = 0; i < 3; i++) {
        await client.payments.sync('pay_1').catch((error) => shown.push(inspect(error, { depth: 20, showHidden: true }), error.stack));
      }
      assert.equal(shown.length, 8);
      assert.equal(
        shown.some((text) => text.includes('CANARY')),
        false,
      );
    }));

  test('a key that cannot stand in a header is refused without being shown', () => {
    for (const apiKey of ['sk_test_CANARY\n', 'sk_test CANARY', 'sk_test_CANARY密', '', undefined]) {
      assert.throws(
        () => new Heliu({ baseUrl: 'https://pay.example.com', apiKey }),
        (error) => error instanceof TypeError && !error.message.includes('CANARY'),
      );
    }
  });

  test('plain http is for this machine, unless allowed', () => {
    for (const baseUrl of ['http://127.0.0.1:7410', 'http://localhost:7410', 'http://[::1]:7410', 'https://pay.example.com'])
      new Heliu({ baseUrl, apiKey: 'k' });
    for (const baseUrl of [
      'http://pay.example.com',
      'http://127.0.0.1.example.com',
      'https://user:pw@pay.example.com',
      'https://pay.example.com/?a',
      'ftp://x',
      'pay.example.com',
    ]) {
      assert.throws(() => new Heliu({ baseUrl, apiKey: 'k' }), TypeError);
    }
    new Heliu({ baseUrl: 'http://heliu:7410', apiKey: 'k', allowHttp: true });
  });
});
