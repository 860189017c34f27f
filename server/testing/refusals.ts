import assert from 'node:assert/strict';
import { common_errors, type ErrorCode, errors, type Operation } from '@heliu/contract';
import { type Refusal, RefusalError } from '../kernel/refusal.ts';
import type { ApiAnswer } from './world.ts';

/** What a request must be told: one of these codes, and the field at fault where the test names one. */
export type Expected = { readonly what: string; readonly codes: readonly ErrorCode[]; readonly param: string | undefined };

const routing: readonly ErrorCode[] = ['route_unknown', 'method_not_allowed'];

/** What any refused request of the API gets: an error of the closed table that its operation declares, in both languages, under a request id. */
export function assertRefused(answer: ApiAnswer, operation: Operation, expected: Expected): void {
  const what = `${operation.id}, ${expected.what}: ${answer.status} ${answer.text.slice(0, 400)}`;
  const { error } = answer.body;
  assert.ok(error, what);
  const code = error.code as ErrorCode;
  assert.ok(Object.hasOwn(errors, code), what);
  assert.equal(answer.status, errors[code].status, what);
  assert.ok(answer.status >= 400 && answer.status < 500, what);
  assert.ok(expected.codes.includes(code), `${what}; expected ${expected.codes.join(' or ')}`);
  assert.ok([...common_errors, ...operation.errors, ...routing].includes(code), `${what}: the contract does not declare ${code} here`);
  assert.ok(error.message.length > 0 && /\p{Script=Han}/u.test(error.message_zh), what);
  assert.ok(!/[{}[\]]/.test(error.message.replace(/\^\S*/g, '')), `${what}: a text that was not filled in`);
  if (expected.param !== undefined) assert.equal(error.param, expected.param, what);
  assert.match(error.request_id, /^req_/, what);
}

/** For `assert.rejects` and `assert.throws`: a refusal of which at least this holds. What is named as undefined must not be there. */
export const refusedWith =
  (expected: { readonly [K in keyof Refusal]?: Refusal[K] | undefined }) =>
  (error: unknown): true => {
    assert.ok(error instanceof RefusalError, String(error));
    const { refusal } = error;
    for (const name of Object.keys(expected) as (keyof Refusal)[]) assert.deepEqual(refusal[name], expected[name], `${name} of ${JSON.stringify(refusal)}`);
    return true;
  };
