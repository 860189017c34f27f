import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeliuConnectionError } from './index.ts';
import { type Recorded, type Reply, scriptedApi, withApi } from './testing/scripted-api.ts';

/** Serves `total` numbered objects; the cursor is the index of the next. An empty page may stand anywhere. */
function listOf(total: number, empty_at: number) {
  let emptied = false;
  return (request: Recorded): Reply => {
    const query = new URL(request.url, 'http://x').searchParams;
    const is_feed = request.url.startsWith('/v1/events');
    const from = Number((query.get(is_feed ? 'after' : 'cursor') ?? '0').split(':')[0]);
    const empty = from === empty_at && !emptied;
    emptied ||= empty;
    const to = empty ? from : Math.min(from + Number(query.get('limit') ?? 20), total);
    const data = Array.from({ length: to - from }, (_, index) => ({ object: 'x', id: from + index }));
    const has_more = to < total;
    const cursor = empty ? `${to}:again` : `${to}`;
    return { status: 200, json: is_feed ? { data, next_cursor: cursor, has_more } : { data, next_cursor: has_more ? cursor : null } };
  };
}

test('iterating gives every object once and in order, whatever the page size, and ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(60),
      fc.integer({ min: 1, max: 25 }),
      fc.nat(60),
      fc.constantFrom('payments', 'events'),
      async (total, limit, empty_at, resource) => {
        await withApi(listOf(total, empty_at), async (api) => {
          const ids: unknown[] = [];
          for await (const item of api.client()[resource as 'payments'].list({ limit })) ids.push(item.id);
          assert.deepEqual(
            ids,
            Array.from({ length: total }, (_, index) => index),
          );
          assert(api.requests.length <= Math.max(1, Math.ceil(total / limit)) + 1);
        });
      },
    ),
    { numRuns: 40 },
  );
});

test('keeps the filters on every page', async (t) => {
  const api = await scriptedApi(listOf(5, -1));
  t.after(api.close);
  for await (const _ of api.client().payments.list({ limit: 2, state: 'paid' }));
  assert.deepEqual(
    api.requests.map((request) => request.url),
    ['/v1/payments?limit=2&state=paid', '/v1/payments?limit=2&state=paid&cursor=2', '/v1/payments?limit=2&state=paid&cursor=4'],
  );
});

test('awaiting gives one page, and iterating afterwards begins with the same one', async (t) => {
  const api = await scriptedApi(listOf(5, -1));
  t.after(api.close);
  const pages = api.client().payments.list({ limit: 3 });
  assert.equal(api.requests.length, 0);
  const page = await pages;
  assert.equal(page.data.length, 3);
  assert.equal(page.next_cursor, '3');
  const seen: unknown[] = [];
  for await (const item of pages) seen.push(item.id);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.equal(api.requests.length, 2);
});

test('stopping early asks for no further page', async (t) => {
  const api = await scriptedApi(listOf(100, -1));
  t.after(api.close);
  for await (const item of api.client().payments.list({ limit: 10 })) if (String(item.id) === '12') break;
  assert.equal(api.requests.length, 2);
});

test('a list that stands still is an error and no endless loop', async (t) => {
  const api = await scriptedApi([{ status: 200, json: { data: [{ id: 1 }], next_cursor: 'same' } }]);
  t.after(api.close);
  await assert.rejects(async () => {
    for await (const _ of api.client().payments.list());
  }, HeliuConnectionError);
  assert.equal(api.requests.length, 2);
});

test('a page that fails rejects, awaited or iterated', async (t) => {
  const api = await scriptedApi([{ status: 400, json: { error: { code: 'cursor_invalid', message: 'No.', message_zh: '否。', retryable: false } } }]);
  t.after(api.close);
  await assert.rejects(api.client().payments.list(), { code: 'cursor_invalid' });
  await assert.rejects(Array.fromAsync(api.client().payments.list()), { code: 'cursor_invalid' });
});
