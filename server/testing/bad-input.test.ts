import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ErrorCode, errors, type Operation } from '@heliu/contract';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { canonicalJson, sha256 } from '../kernel/digest.ts';
import { bodyCases, type Case, field_cases, paramCases, queryCases } from './bad-requests.ts';
import { assertRefused } from './refusals.ts';
import { all_operations, type Belongings, type GoodRequest, goodRequest, someBelongings, targetOf } from './requests.ts';
import { unchanged as unchangedOf } from './state.ts';
import { type ApiAnswer, aWorld, type World } from './world.ts';

/**
 * Bad requests for every operation, made from the contract: each is a good request with one thing wrong. The answer is
 * always an error of the closed table that names the field, and not a row of the database changes.
 */
let world: World;
let own: Belongings;
let foreign: Belongings;
before(async () => {
  world = await aWorld();
  own = await someBelongings(world, world, 'own-1');
  foreign = await someBelongings(world, await world.newMerchant('另一商户'), 'foreign-1');
});
after(() => world.close());

const seed = Number(process.env.HELIU_SEED ?? 20_261_122);

/** Time stands still: a request that is refused waits for nothing. */
async function send(
  operation: Operation,
  target: string,
  init: { body?: string | Uint8Array | undefined; headers?: Record<string, string> } = {},
): Promise<ApiAnswer> {
  const { body, headers = { 'content-type': 'application/json' } } = init;
  const answer = await fetch(world.ctx.config.public_url + target, {
    method: operation.method,
    headers: { authorization: `Bearer ${world.key}`, ...(body === undefined ? {} : headers) },
    ...(body === undefined ? {} : { body: body as string }),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) };
}

const inQuery = (query: Readonly<Record<string, string>>, more: string) => [new URLSearchParams(query).toString(), more].filter(Boolean).join('&');

function sendCase(request: GoodRequest, bad: Case): Promise<ApiAnswer> {
  const { operation } = request;
  const path = targetOf({ operation, params: request.params, query: {} });
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  switch (bad.in) {
    case 'body':
      return send(operation, path, { body: bad.raw, ...(bad.headers ? { headers: bad.headers } : {}) });
    case 'query': {
      const { [bad.name]: _replaced, ...rest } = request.query;
      return send(operation, `${path}?${inQuery(rest, bad.raw)}`, { body });
    }
    case 'params':
      return send(
        operation,
        operation.path.replace(`{${bad.name}}`, bad.raw).replace(/\{(\w+)\}/g, (_, name: string) => request.params[name] ?? ''),
        { body },
      );
  }
}

/** Sends all of them, then tells of every one that was not refused as it must be. */
async function allRefused(operation: Operation, cases: readonly Case[], ask: (bad: Case) => Promise<ApiAnswer>): Promise<void> {
  const problems: unknown[] = [];
  for (const bad of cases) {
    const answer = await ask(bad);
    try {
      assertRefused(answer, operation, bad);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : error);
    }
  }
  assert.equal(problems.length, 0, problems.join('\n'));
}

const unchanged = (work: () => Promise<void>) => unchangedOf(world.ctx, work);

describe('A-10 A-11 A-13 A-14 A-15 A-16: a request with one thing wrong', () => {
  let sent = 0;
  for (const operation of all_operations) {
    it(`to ${operation.id} is refused, names what is wrong, and changes nothing`, () =>
      unchanged(async () => {
        const request = goodRequest(operation, own, 'bad-1');
        const cases = [...bodyCases(request), ...field_cases(request), ...paramCases(request), ...queryCases(request)];
        await allRefused(operation, cases, (bad) => sendCase(request, bad));
        sent += cases.length;
      }));
  }
  it('there were enough of them', () => assert.ok(sent > 800, `${sent} requests`));
});

describe('a cursor', () => {
  const lists = all_operations.filter(({ query }) => query && ('cursor' in query.properties || 'after' in query.properties));
  for (const operation of lists) {
    const name = 'cursor' in (operation.query?.properties ?? {}) ? 'cursor' : 'after';
    it(`that ${operation.id} did not give is refused`, () =>
      unchanged(async () => {
        const request = goodRequest(operation, own, 'bad-3');
        const given = async (other: Operation, key: string): Promise<string[]> => {
          const path = targetOf(goodRequest(other, key === world.key ? own : foreign, ''));
          const text = await (await fetch(`${world.ctx.config.public_url}${path}`, { headers: { authorization: `Bearer ${key}` } })).text();
          const { next_cursor } = JSON.parse(text);
          return next_cursor ? [next_cursor] : [];
        };
        const foreign_cursors = (await Promise.all(lists.filter(({ id }) => id !== operation.id).map((other) => given(other, world.key)))).flat();
        const cursors = ['AAAA', '\u0000', 'null', '0', '=', '-_-_', ...foreign_cursors];
        const cases = cursors.map(
          (cursor): Case => ({
            in: 'query',
            name,
            raw: `${name}=${encodeURIComponent(cursor)}`,
            what: `${name}=${cursor}`,
            codes: ['cursor_invalid'],
            param: name,
          }),
        );
        await allRefused(operation, cases, (bad) => sendCase(request, bad));
      }));

    it(`that its reader wrote is refused by ${operation.id}, or shows what is theirs`, async () => {
      const request = goodRequest(operation, own, 'bad-3');
      for (const position of ["' or true --", 'pay_zzz', '9'.repeat(40), '-1', '1e3', '%', 'pay_\u0000']) {
        const target = targetOf({ ...request, query: { ...request.query, [name]: forgedCursor(operation, request, position) } });
        const answer = await send(operation, target);
        assert.ok([200, 400].includes(answer.status), `${position}: ${answer.text}`);
        for (const id of Object.values(foreign)) assert.ok(!answer.text.includes(id), `${position} shows ${id}`);
      }
    });
  }

  /** The tag of a cursor holds no secret: whoever knows their merchant id can write one. */
  function forgedCursor(operation: Operation, request: GoodRequest, position: string): string {
    const { limit: _limit, ...query } = request.query;
    const filters = operation.id === 'list_deliveries' ? { ...request.params, ...query } : query;
    const tag = sha256(canonicalJson([operation.id, world.merchant.id, false, filters, position])).subarray(0, 9);
    return Buffer.concat([tag, Buffer.from(position)]).toString('base64url');
  }
});

describe('whatever JSON comes', () => {
  /** Values that people and programs get wrong, and anything else. */
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>('', ' ', '\u0000', '\ud800', '\u202e', 0, -1, 1e9, 2 ** 53 - 1, [], {}, null, true, 'pay_', 'NaN', '1e3', '支付'),
    fc.string({ unit: 'binary', maxLength: 300 }),
  );
  for (const operation of all_operations) {
    const schema = operation.body;
    if (!schema) continue;
    it(`what the schema of ${operation.id} does not allow is refused and changes nothing`, () =>
      unchanged(async () => {
        const good = goodRequest(operation, own, 'bad-4');
        const names = Object.keys(schema.properties);
        const changes = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary', maxLength: 20 })), anything, { minKeys: 1, maxKeys: 4 });
        await fc.assert(
          fc.asyncProperty(changes, async (change) => {
            const body = JSON.parse(JSON.stringify({ ...good.body, ...change }));
            // TypeBox's own checker is the judge here: the server uses another one.
            fc.pre(!isAllowed(schema, body));
            const answer = await send(operation, targetOf(good), { body: JSON.stringify(body) });
            assert.equal(answer.status, 400, `${JSON.stringify(body)}: ${answer.text}`);
            assertRefused(answer, operation, { what: JSON.stringify(body), codes: body_codes, param: undefined });
          }),
          { seed, numRuns: 60 },
        );
      }));
  }
  const body_codes: ErrorCode[] = [
    'parameter_invalid',
    'parameter_missing',
    'parameter_unknown',
    'number_not_integer',
    'duplicate_json_key',
    'payment_code_unknown',
    'payment_code_not_taken',
  ];
  const isAllowed = (schema: TSchema, body: unknown) => Check(schema, body);
});

describe('A-17: what is hardly HTTP', () => {
  const ask = (path: string, init: RequestInit) =>
    fetch(`${world.ctx.config.public_url}${path}`, { ...init, headers: { authorization: `Bearer ${world.key}`, ...init.headers } });
  it('unknown paths and methods are told as such', () =>
    unchanged(async () => {
      for (const [method, path, code] of [
        ['GET', '/v1/nothing', 'route_unknown'],
        ['POST', '/v1/payments/', 'route_unknown'],
        ['GET', '/v1/payments/%ff', 'route_unknown'],
        ['GET', `/v1/payments/by-order-no/${'a'.repeat(300)}`, 'route_unknown'],
        ['DELETE', '/v1/payments', 'method_not_allowed'],
        ['PUT', `/v1/payments/${own.payment_id}`, 'method_not_allowed'],
        ['PATCH', '/v1/refunds', 'method_not_allowed'],
      ] as const) {
        const answer = await ask(path, { method });
        const { error } = (await answer.json()) as ApiAnswer['body'];
        assert.equal(error.code, code, `${method} ${path}`);
        assert.equal(answer.status, errors[code].status);
      }
    }));

  it('A-22 an Idempotency-Key that is none is refused', () =>
    unchanged(async () => {
      for (const operation of all_operations.filter(({ method }) => method === 'POST')) {
        const request = goodRequest(operation, own, 'bad-5');
        for (const key of ['', ' ', 'a b', 'a'.repeat(129), 'a'.repeat(8000), '\u00e9', 'a\tb']) {
          const answer = await ask(targetOf(request), {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'idempotency-key': key },
            body: JSON.stringify(request.body),
          });
          const { error } = (await answer.json()) as ApiAnswer['body'];
          assert.deepEqual(
            [answer.status, error?.code, error?.param],
            [400, 'idempotency_key_invalid', 'Idempotency-Key'],
            `${operation.id} ${key.slice(0, 20)}`,
          );
        }
      }
    }));
});

it('the process still stands, and no bad request left a mark on a JavaScript object', async () => {
  assert.equal(Object.keys(Object.prototype).length, 0);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  const answer = await world.flow(world.api('GET', `/v1/payments/${own.payment_id}`));
  assert.equal(answer.status, 200);
  const text = await world.ctx.metrics.expose();
  assert.doesNotMatch(text, /heliu_http_requests_total\{[^}]*status="5\d\d"/);
});
