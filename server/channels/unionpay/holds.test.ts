import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { toFen } from '../../kernel/money.ts';
import { addMs } from '../../kernel/time.ts';
import type { Account, Operation, PayInput, WireRequest } from '../define.ts';
import { isSignable } from '../define.ts';
import { openStand, type Stand } from '../kit/gateway/test-stand.ts';
import type { Config } from './config.ts';
import { completeHold, type HoldStep, hold, queryHold, releaseHold, undoCompletion } from './holds.ts';
import { unionpay } from './index.ts';
import { parseForm } from './message.ts';
import { unionpaySimulator } from './simulator.ts';
import { aPay, no_trust, unsigned } from './test-account.ts';

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(unionpay, unionpaySimulator);
  account = await stand.account();
});
after(() => stand.close());

const env = () => ({ now: stand.clock.now(), nonce: '' });

/** Sends over real HTTP, verifies, reads: what the client does with an operation of the channel. */
async function ask<Input, Fact extends { is: string }>(operation: Operation<Config, Input, Fact>, input: Input) {
  const step = operation.request(input, account, env());
  const request = isSignable(step) ? step.then(sign(step.sign.digest, Buffer.from(step.sign.message), step.sign.key).toString('base64')) : step;
  if ('local' in request) return request.local;
  const { method, origin, path, headers, body = '' } = request as WireRequest;
  const reply = await fetch(origin + path, { method, headers, body });
  const answer = { status: reply.status, headers: {}, body: Buffer.from(await reply.arrayBuffer()) };
  assert.equal(operation.verify(answer, account, no_trust, env(), input), 'valid');
  const outcome = operation.outcome(answer, input, account, env());
  assert.ok(!isSignable(outcome));
  return outcome;
}

let numbered = 0;
const newNo = () => `ABCDEF01JD${String(++numbered).padStart(22, '0')}`;
const aHold = (changes: Partial<PayInput> = {}): PayInput =>
  aPay({ channel_order_no: newNo(), method: 'unionpay_barcode', created_at: stand.clock.now(), expires_at: addMs(stand.clock.now(), 3_600_000), ...changes });
const aStep = (of: string, amount: number, whole = 8888): HoldStep => ({
  channel_step_no: newNo(),
  of,
  amount_fen: toFen(amount),
  whole_fen: toFen(whole),
  created_at: stand.clock.now(),
  notify_url: aPay().notify_url,
});

/** A hold that the payer's code has given. */
async function held(): Promise<string> {
  const input = aHold({ auth_code: stand.simulator.newPaymentCode('pays') });
  assert.deepEqual(await ask(hold.unionpay_barcode, input), { is: 'waiting', action: { type: 'wait' } });
  const fact = await ask(queryHold, input);
  assert.ok(fact.is === 'held', fact.is);
  assert.equal(fact.hold.amount_fen, 8888n);
  assert.deepEqual(fact.hold.identity, { mer_id: account.config.mer_id });
  return fact.hold.channel_transaction_id;
}

async function done(step: typeof completeHold, input: HoldStep): Promise<string> {
  assert.equal((await ask(step.query, input)).is, 'not_found');
  assert.equal((await ask(step.send, input)).is, 'pending');
  const fact = await ask(step.query, input);
  assert.ok(fact.is === 'succeeded', fact.is);
  assert.equal(fact.amount_fen, input.amount_fen);
  return fact.channel_step_id;
}

describe('a hold', () => {
  it('is asked for with the fields of a payment, as transaction 02', () => {
    for (const [method, sub_type] of [
      ['unionpay_page', '01'],
      ['unionpay_h5', '01'],
      ['unionpay_app', '01'],
      ['unionpay_qr', '05'],
    ] as const) {
      const step = unsigned(hold[method].request(aHold({ method }), account, env()));
      const local = 'local' in step ? step.local : undefined;
      const fields = local
        ? local.is === 'waiting' && local.action.type === 'submit_form' && local.action.fields
        : Object.fromEntries(parseForm(Buffer.from((step as WireRequest).body ?? '')) ?? []);
      assert.ok(fields);
      assert.deepEqual([fields.txnType, fields.txnSubType, fields.txnAmt], ['02', sub_type, '8888'], method);
    }
  });

  it('is taken once, in part or up to 115 % of it, and what was taken is put back on the same day', async () => {
    const id = await held();
    const completed = await done(completeHold, aStep(id, 10_221));
    assert.equal((await ask(completeHold.send, aStep(id, 1))).is, 'ask', 'once');
    assert.equal((await ask(releaseHold.send, aStep(id, 8888))).is, 'ask', 'what was taken is not let go');
    await done(undoCompletion, aStep(completed, 10_221, 10_221));
  });

  it('is let go whole, and then not taken any more', async () => {
    const id = await held();
    await done(releaseHold, aStep(id, 8888));
    assert.equal((await ask(completeHold.send, aStep(id, 8888))).is, 'ask');
  });

  it('whose step does not fit is refused before anything is sent', async () => {
    const id = await held();
    for (const [step, amount] of [
      [completeHold, 10_222],
      [releaseHold, 8887],
      [undoCompletion, 8887],
    ] as const)
      assert.equal((await ask(step.send, aStep(id, amount))).is, 'refused');
  });

  it('sent twice under its number is one step, found by asking', async () => {
    const input = aStep(await held(), 5000);
    await done(completeHold, input);
    assert.equal((await ask(completeHold.send, input)).is, 'ask');
    assert.equal((await ask(completeHold.query, input)).is, 'succeeded');
  });

  it('is no payment: neither does one answer for the other', async () => {
    const input = aHold({ auth_code: stand.simulator.newPaymentCode('pays') });
    await ask(hold.unionpay_barcode, input);
    await assert.rejects(ask(unionpay.query, input), /another kind/);
    assert.deepEqual(stand.simulator.truth().payments, []);
  });
});
