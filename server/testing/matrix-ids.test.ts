import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ErrorCode, type Operation, scopes } from '@heliu/contract';
import { createChannelAccount } from '../merchants/service.ts';
import { type IdField, idFields, ids_of_others, namedLikeIds, ofThatKind, withId } from './id-fields.ts';
import { assertRefused } from './refusals.ts';
import { all_operations, type Belongings, type GoodRequest, goodRequest, notFoundOf, someBelongings, targetOf } from './requests.ts';
import { unchanged } from './state.ts';
import { type ApiAnswer, aWorld, type World } from './world.ts';

/**
 * The other half of the authorisation matrix: the right caller, and in one field of the request an id that is not theirs.
 * The fields are the contract's, path, query and body, however deep: a new one falls under this by being declared.
 */
let world: World;
let own: Belongings;
/** What an id may be of, all of the right kind: none of them may be told from one that nobody has. */
let strangers: readonly (readonly [whose: string, belongings: Belongings])[];

before(async () => {
  world = await aWorld();
  const { ctx, merchant } = world;
  own = await someBelongings(world, world, 'own-1');
  const simulator = world.simulators.get('wechatpay');
  assert(simulator);
  const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  const live_account = await createChannelAccount(ctx, { merchant_id: merchant.id, livemode: true, channel: 'wechatpay', name: 'live', settings });
  const key = await world.newKey(merchant.id, true, scopes);
  strangers = [
    ['another merchant', await someBelongings(world, await world.newMerchant('另一商户'), 'foreign-1')],
    ['the other mode', await someBelongings(world, { key, accounts: new Map([['wechatpay', live_account.id]]) }, 'live-1')],
  ];
});
after(() => world.close());

/** Time stands still: a request that is refused waits for nothing. */
const send = (request: GoodRequest): Promise<ApiAnswer> => world.api(request.operation.method, targetOf(request), { body: request.body });

const nobodys = ({ prefix }: IdField): string => (prefix === undefined ? 'nobody' : `${prefix}_${'7'.repeat(26)}`);
/** As an error names the field. */
const paramOf = ({ path }: IdField): string => path.replaceAll('[]', '.0');
const withoutRequestId = ({ status, body }: ApiAnswer) => ({ status, ...body, ...(body.error ? { error: { ...body.error, request_id: '' } } : {}) });

/** A field that names one object says which kind was not there; one among others of a list is told of as the operation declares. */
const codesOf = ({ in: place, path }: IdField, { errors }: Operation): readonly ErrorCode[] =>
  place === 'query' || /[.[]/.test(path) ? [...errors, 'parameter_invalid'] : [notFoundOf(path) as ErrorCode];

/** What is found by an id that is not the caller's: nothing. A list is empty; anything else is not there, and the field is named. */
function assertNotThere(answer: ApiAnswer, field: IdField, { operation }: GoodRequest, what: string): void {
  if (field.in === 'query' && answer.status === operation.status) assert.deepEqual(answer.body.data, [], `${what}: ${answer.text}`);
  else assertRefused(answer, operation, { what, codes: codesOf(field, operation), param: paramOf(field) });
}

describe('E-01 A-12 A-20: an id in any field that is not the caller’s', () => {
  const fields = all_operations.flatMap((operation) => idFields(operation).map((field) => ({ operation, field })));

  for (const { operation, field } of fields) {
    it(`${operation.id} ${field.in} ${field.path}: not there, whoever has it, and nothing changes`, () =>
      unchanged(world.ctx, async () => {
        const request = goodRequest(operation, own, 'ids-1');
        const ask = (id: string) => send(withId(request, field, id));
        const missing = await ask(nobodys(field));
        assertNotThere(missing, field, request, 'an id that nobody has');
        for (const [whose, belongings] of strangers) {
          const id = ofThatKind(field, belongings);
          const answer = await ask(id);
          assert.deepEqual(withoutRequestId(answer), withoutRequestId(missing), `of ${whose} it is answered otherwise than one that nobody has`);
          assert.ok(field.in !== 'body' || !answer.text.includes(id), `of ${whose}: ${answer.text}`);
        }
      }));

    if (field.prefix === undefined) continue;
    it(`${operation.id} ${field.in} ${field.path}: one of another kind is refused by its form, whoever has it`, () =>
      unchanged(world.ctx, async () => {
        const request = goodRequest(operation, own, 'ids-2');
        const kind = field.prefix === 'pay' ? 'store_id' : 'payment_id';
        const answers: ApiAnswer[] = [];
        for (const id of [own[kind], strangers[0]?.[1][kind] ?? '', `${own[kind].slice(0, 4)}${'7'.repeat(26)}`]) {
          const answer = await send(withId(request, field, id));
          assertRefused(answer, operation, { what: id, codes: ['parameter_invalid'], param: paramOf(field) });
          answers.push(answer);
        }
        for (const answer of answers.slice(1)) assert.deepEqual(withoutRequestId(answer), withoutRequestId(answers[0] as ApiAnswer));
      }));
  }

  it('has every field that is named like one, and knows of the others what they are', () => {
    const known = new Set(fields.map(({ operation, field }) => `${operation.id} ${field.path}`));
    const left = all_operations.flatMap((operation) => namedLikeIds(operation).map((name) => `${operation.id} ${name}`)).filter((name) => !known.has(name));
    assert.deepEqual(left, ids_of_others);
    for (const place of ['params', 'query', 'body']) assert.ok(fields.filter(({ field }) => field.in === place).length > 5, place);
  });

  it('finds what is the caller’s own in the very same fields: no answer above was for another reason', async () => {
    for (const { operation, field } of fields.filter(({ field: { in: place } }) => place !== 'params')) {
      const request = goodRequest(operation, own, 'ids-3');
      const answer = await world.flow(send(withId(request, field, ofThatKind(field, own))));
      const what = `${operation.id} ${field.path}: ${answer.text}`;
      assert.ok(!/_not_found$/.test(answer.body.error?.code ?? '') && answer.status < 500, what);
      assert.ok(answer.status !== 400, what);
    }
  });
});
