import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { TSchema } from 'typebox';
import { buildOpenApi, common_errors, type ErrorCode, errors, errorText, examples, operations } from './index.ts';

const input = { operations, public_url: 'https://pay.example', version: '1.2.3' };
const ajv = new Ajv({ strict: false });
ajvFormats.default(ajv);
const problemsOf = (schema: TSchema, value: unknown) => (ajv.validate(schema, value) ? undefined : ajv.errorsText());

test('the OpenAPI document is valid OpenAPI 3.1 and every reference in it resolves', async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(JSON.stringify(buildOpenApi(input))));
  assert.deepEqual(result.errors ?? [], []);
  assert.ok(result.valid);
  assert.equal(validator.version, '3.1');
  const resolved = JSON.stringify(validator.resolveRefs());
  assert.ok(!resolved.includes('"$ref"'));
});

test('the validator refuses a document that is not OpenAPI', async () => {
  const broken = { ...buildOpenApi(input), paths: { 'no-slash': { get: { responses: 7 } } } };
  assert.equal((await new Validator().validate(broken)).valid, false);
});

test('the document has every operation once, with both languages, its scope and its errors', () => {
  const { paths } = buildOpenApi(input) as {
    paths: Record<
      string,
      Record<string, { operationId: string; summary: string; 'x-summary-zh': string; security: Record<string, string[]>[]; responses: object }>
    >;
  };
  const described = Object.values(paths).flatMap((item) => Object.values(item));
  assert.deepEqual(described.map(({ operationId }) => operationId).sort(), operations.map(({ id }) => id).sort());
  for (const operation of operations) {
    const found = paths[operation.path]?.[operation.method.toLowerCase()];
    assert.ok(found);
    assert.deepEqual([found.summary, found['x-summary-zh']], [operation.summary, operation.summary_zh]);
    assert.deepEqual(found.security, [{ api_key: [operation.scope] }, { request_signature: [operation.scope] }]);
    const codes = Object.values(found.responses).flatMap((response: { 'x-error-codes'?: string[] }) => response['x-error-codes'] ?? []);
    for (const code of [...operation.errors, ...common_errors]) assert.ok(codes.includes(code), `${operation.id} does not show ${code}`);
  }
});

test('shared schemas are shown once and referred to', () => {
  const document = buildOpenApi(input) as {
    paths: Record<string, Record<string, { responses: Record<string, { content: object }> }>>;
    components: { schemas: Record<string, object> };
  };
  assert.deepEqual(document.paths['/v1/payments']?.post?.responses['201']?.content, {
    'application/json': { schema: { $ref: '#/components/schemas/Payment' }, example: examples.create_payment?.response },
  });
  assert.equal(JSON.stringify(document.components.schemas.Payment).includes('#/components/schemas/NextAction'), true);
});

test('the same declaration gives the same document', () => {
  assert.equal(JSON.stringify(buildOpenApi(input)), JSON.stringify(buildOpenApi(input)));
});

test('operation ids, SDK names and routes are each used once', () => {
  for (const name of [
    (o: (typeof operations)[number]) => o.id,
    (o: (typeof operations)[number]) => o.sdk.join('.'),
    (o: (typeof operations)[number]) => `${o.method} ${o.path}`,
  ]) {
    assert.equal(new Set(operations.map(name)).size, operations.length);
  }
});

test('every operation answers with errors of the table only, each listed once', () => {
  for (const operation of operations) {
    for (const code of operation.errors) assert.ok(Object.hasOwn(errors, code), `${operation.id}: ${code}`);
    assert.equal(new Set(operation.errors).size, operation.errors.length, operation.id);
    for (const code of operation.errors) assert.ok(!(common_errors as readonly string[]).includes(code), `${operation.id} repeats the common ${code}`);
  }
});

test('the parameters of a path are those of its schema', () => {
  for (const operation of operations) {
    const in_path = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    assert.deepEqual('params' in operation ? Object.keys(operation.params.properties) : [], in_path, operation.id);
  }
});

test('every operation has an example that its schemas take', () => {
  assert.deepEqual(Object.keys(examples).sort(), operations.map(({ id }) => id).sort());
  for (const operation of operations) {
    const { params, query, body, response } = examples[operation.id] as (typeof examples)[string];
    if ('params' in operation) assert.equal(problemsOf(operation.params, params), undefined, operation.id);
    if ('query' in operation) assert.equal(problemsOf(operation.query, query ?? {}), undefined, operation.id);
    if ('body' in operation) assert.equal(problemsOf(operation.body, body), undefined, operation.id);
    assert.equal(problemsOf(operation.response, response), undefined, operation.id);
  }
});

test('request objects take no field that they do not declare', () => {
  for (const operation of operations) {
    for (const part of ['params', 'query', 'body'] as const) {
      const schema = (operation as { [part: string]: unknown })[part];
      if (schema !== undefined) assert.equal((schema as { additionalProperties?: unknown }).additionalProperties, false, `${operation.id}.${part}`);
    }
  }
});

test('every error text reads well with its facts and without, in both languages', () => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    for (const text of Object.values(errorText(code))) {
      assert.match(text, /[.。]$/, code);
      assert.doesNotMatch(text, /[[\]{}]/, code);
    }
  }
  assert.deepEqual(errorText('malformed_json', { line: 2, column: 7 }), {
    message: 'The body is not valid JSON (line 2, column 7).',
    message_zh: '请求体不是合法的 JSON（第 2 行第 7 列）。',
  });
});
