import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Answered } from '../../channels/client.ts';
import type { Channel, PayFact, PayInput, UndoFact, WireAnswer } from '../../channels/define.ts';
import { type Bench, openBench, orderInput, type Send } from '../../channels/kit/bench.ts';
import { barcodeMethod, order, paidOrder, plainMethod } from '../../channels/kit/check.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import type { PaymentFact, RefundFact, Success } from '../../kernel/outcome.ts';
import { createTestClock } from '../clock.ts';
import { createTestRng } from '../rng.ts';
import { fuzz, mutated, seed, soup } from './fuzz.ts';

/**
 * What gateways answer, changed on the way: body, headers or both. The client that production uses reads it, and must
 * say what the genuine answer said, or that the outcome is unknown.
 */
type Wire = { first?: WireAnswer; next?: WireAnswer };
const wires = new AsyncLocalStorage<Wire>();

/** Keeps the answer to a call's own question, which is the first, and gives another one where there is one. Messages that come meanwhile ask for themselves. */
const tapped =
  (send: Send): Send =>
  async (request) => {
    const wire = wires.getStore();
    const { next } = wire ?? {};
    if (next) {
      delete wire?.next;
      return next;
    }
    const answer = await send(request);
    if (wire) wire.first ??= answer;
    return answer;
  };

type Fact = Answered<PayFact | PaymentFact | UndoFact | RefundFact>['fact'];
type Call = () => Promise<Answered<Fact>>;

/** One call of each kind that the channel has, each with an answer that settles something. */
async function callsOf(bench: Bench): Promise<readonly (readonly [name: string, call: Call])[]> {
  const { client, account, subject } = bench;
  const { channel } = subject;
  const method = plainMethod(channel);
  const barcode = barcodeMethod(channel);
  const [unpaid, never_sent] = [bench.payInput(method), bench.payInput(method)];
  const paid = await paidOrder(bench, method);
  const refund = bench.refundInput(paid);
  const scanned = barcode && bench.payInput(barcode);
  const undone: PayInput | undefined = barcode && channel.reverse ? await paidOrder(bench, barcode) : undefined;
  const { input: closing } = channel.close ? await order(bench, method) : { input: undefined };
  return [
    ['pay', () => client.pay(account, unpaid)],
    ...(scanned ? [['pay by code', () => client.pay(account, scanned)] as const] : []),
    ['query', () => client.query(account, orderInput(paid))],
    ['query of an unknown order', () => client.query(account, orderInput(never_sent))],
    ...(closing ? [['close', () => client.close(account, orderInput(closing))] as const] : []),
    ...(undone ? [['reverse', () => client.reverse(account, orderInput(undone))] as const] : []),
    ['refund', () => client.refund(account, refund)],
    ['refund query', () => client.refundQuery(account, refund)],
  ];
}

function changes(genuine: WireAnswer): fc.Arbitrary<WireAnswer> {
  const body = fc.oneof({ weight: 4, arbitrary: mutated(genuine.body.toString('latin1'), 'latin1') }, { weight: 1, arbitrary: no_answer });
  const names = Object.keys(genuine.headers);
  const headers = fc.constantFrom(...names).chain((name) =>
    fc.oneof(
      mutated(genuine.headers[name] ?? '').map((bytes) => ({ ...genuine.headers, [name]: bytes.toString('latin1') })),
      soup('', ',', ';', '=', '0', '-1', 'a').map((value) => ({ ...genuine.headers, [name]: value })),
      fc.constant(Object.fromEntries(Object.entries(genuine.headers).filter(([each]) => each !== name))),
    ),
  );
  return fc.oneof(
    { weight: 3, arbitrary: body.map((each) => ({ ...genuine, body: each })) },
    { weight: 1, arbitrary: headers.map((each) => ({ ...genuine, headers: each })) },
    { weight: 1, arbitrary: fc.tuple(body, headers).map(([one, other]) => ({ ...genuine, body: one, headers: other })) },
  );
}

const no_answer = fc.oneof(
  soup('<xml>', '</xml>', '{', '}', '"', ':', ',', '[', ']', 'null', '=', '&', 'sign=', 'SUCCESS', '0').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
);

/** What the fact is where no signature covers who paid: who the payer was moves no money. */
function withoutPayer(fact: Fact): unknown {
  if (!('success' in fact)) return fact;
  const { payer_id: _, ...rest } = fact.success as { readonly payer_id?: string };
  return { ...fact, success: rest };
}

describe('CF-11 B-01: an answer of any channel', () => {
  let runs = 0;
  for (const channel of channels.values()) {
    it(`of ${channel.code} that was changed anywhere is not believed, or says the same, and nothing breaks`, async (t) => {
      const simulator = simulators.find((each) => each.channel === channel.code);
      assert.ok(simulator, 'every channel has a simulator');
      const { mode, trust } = simulator.forms?.[0] ?? ({ mode: 'direct', trust: 'public_key' } as const);
      const subject = { channel: channel as Channel, create: simulator.create, mode, trust, traits: simulator };
      const ports = { clock: createTestClock(new Date('2026-11-22T02:00:00.000Z')), rng: createTestRng(`answers ${channel.code}`), between: tapped };
      const bench = await openBench(subject, ports);
      const known = simulator.answers_partly_signed ? withoutPayer : (fact: Fact) => fact;
      const counts: string[] = [];
      try {
        for (const [name, call] of await callsOf(bench)) {
          const wire: Wire = {};
          const { fact } = await wires.run(wire, call);
          const { first: genuine } = wire;
          // Some gateways are paid by a link that is signed here: there is no answer.
          if (!genuine) continue;
          assert.notEqual(fact.is, 'unknown', `${name} is answered`);
          const replayed = async (answer: WireAnswer): Promise<Fact> => {
            const other: Wire = { next: answer };
            const said = await wires.run(other, call);
            assert.equal(other.next, undefined, 'it was read');
            return said.fact;
          };
          assert.deepEqual(await replayed(genuine), fact, `${name}: the same answer says the same`);
          let unknown = 0;
          const tried = await fuzz(
            changes(genuine),
            async (changed) => {
              const said = await replayed(changed);
              if (said.is === 'unknown') unknown += 1;
              // Where nothing is signed, https alone vouches for what comes: it breaks nothing, and is a whole fact.
              else if (simulator.answers_unsigned) assertWhole(said);
              else assert.deepEqual(known(said), known(fact), `${name}: ${changed.body.toString('latin1').slice(0, 2_000)}`);
            },
            { runs_min: 60, ms: 20 },
          );
          assert.ok(unknown > 0, `${name}: none of ${tried} was doubted`);
          runs += tried;
          counts.push(`${name} ${unknown}/${tried}`);
        }
      } finally {
        await bench.close();
      }
      t.diagnostic(`seed ${seed}; unknown: ${counts.join(', ')}`);
    });
  }
  it('inputs tried', (t) => t.diagnostic(`${runs} inputs, seed ${seed}`));
});

/** A success has an amount that can be money, a number and a receiver. */
function assertWhole(fact: Fact): void {
  if (!('success' in fact)) return;
  const { amount_fen, channel_transaction_id, paid_at, identity } = fact.success as Success;
  assert.ok(typeof amount_fen === 'bigint' && amount_fen >= 0n && channel_transaction_id !== '', `${amount_fen} ${channel_transaction_id}`);
  assert.ok(!Number.isNaN(paid_at.getTime()) && Object.values(identity).every((value) => typeof value === 'string'), JSON.stringify(identity));
}
