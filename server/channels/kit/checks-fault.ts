import assert from 'node:assert/strict';
import type { Method } from '@heliu/contract';
import { channel_deadline_ms, trust_refresh_window_ms } from '../../kernel/limits.ts';
import { toFen } from '../../kernel/money.ts';
import type { Answered } from '../client.ts';
import type { Channel } from '../define.ts';
import { type Bench, orderInput } from './bench.ts';
import {
  assertIs,
  assertOurs,
  assertUnpaid,
  barcodeMethod,
  type Check,
  order,
  paidOrder,
  plainMethod,
  query,
  refundOutcome,
  skipWithoutBarcode,
  skipWithoutClose,
  strikes,
  truePayments,
  trueRefunds,
  untilKnown,
} from './check.ts';
import type { Fault } from './simulator.ts';

type Outcome = Answered<{ readonly is: string } | { readonly is: 'unknown'; readonly cause: string }>;
type Call = {
  /** The simulators' name of the call. */
  readonly on: string;
  readonly label: string;
  readonly skip?: Check['skip'];
  /** How the channel sends it: what may be sent twice meets a fault twice. */
  readonly retry: (channel: Channel) => 'never' | 'same_key' | undefined;
  /** Brings about what the call needs, and gives the call, which may be made again. */
  readonly prepare: (bench: Bench) => Promise<() => Promise<Outcome>>;
};

const plain = ({ subject }: Bench) => plainMethod(subject.channel);
const code = ({ subject }: Bench) => barcodeMethod(subject.channel) as Method;

/** Every call that a channel knows. A payment that is made again is a new order; the others ask about the same one. */
const calls: readonly Call[] = [
  {
    on: 'pay',
    label: 'pay',
    retry: (channel) => channel.pay[plainMethod(channel)]?.retry,
    prepare: (bench) => Promise.resolve(() => bench.client.pay(bench.account, bench.payInput(plain(bench)))),
  },
  {
    on: 'pay',
    label: 'pay with a payment code',
    retry: (channel) => channel.pay[barcodeMethod(channel) as Method]?.retry,
    skip: skipWithoutBarcode,
    prepare: (bench) => Promise.resolve(() => bench.client.pay(bench.account, bench.payInput(code(bench)))),
  },
  {
    on: 'query',
    label: 'query',
    retry: (channel) => channel.query.retry,
    prepare: async (bench) => {
      const { input } = await order(bench, plain(bench));
      return () => bench.client.query(bench.account, orderInput(input));
    },
  },
  {
    on: 'close',
    label: 'close',
    retry: (channel) => channel.close?.retry,
    skip: skipWithoutClose,
    prepare: async (bench) => {
      const { input } = await order(bench, plain(bench));
      return () => bench.client.close(bench.account, orderInput(input));
    },
  },
  {
    on: 'reverse',
    label: 'reverse',
    retry: (channel) => channel.reverse?.retry,
    skip: skipWithoutBarcode,
    prepare: async (bench) => {
      const input = await paidOrder(bench, code(bench));
      return () => bench.client.reverse(bench.account, orderInput(input));
    },
  },
  {
    on: 'refund',
    label: 'refund',
    retry: (channel) => channel.refund.retry,
    prepare: async (bench) => {
      const refund = bench.refundInput(await paidOrder(bench, plain(bench)));
      let is_sent = false;
      // Not every gateway takes a number twice, so what became of the first request is asked before it is sent again.
      return async () => {
        if (is_sent && bench.subject.channel.refund.retry === 'never') {
          const asked = await bench.client.refundQuery(bench.account, refund);
          if (asked.fact.is !== 'not_found') return asked;
        }
        is_sent = true;
        return bench.client.refund(bench.account, refund);
      };
    },
  },
  {
    on: 'refund_query',
    label: 'refund query',
    retry: (channel) => channel.refundQuery.retry,
    prepare: async (bench) => {
      const refund = bench.refundInput(await paidOrder(bench, plain(bench)));
      await bench.client.refund(bench.account, refund);
      return () => bench.client.refundQuery(bench.account, refund);
    },
  },
];

/** What goes wrong, and which causes are a true account of it. */
const faults: readonly (readonly [id: string, fault: Fault['kind'], causes: readonly string[]])[] = [
  ['CF-02', 'drop_before', ['connection_lost']],
  ['CF-01', 'drop_after', ['connection_lost']],
  ['CF-03', 'cut_answer', ['connection_lost']],
  ['CF-04', 'html_answer', ['unverified', 'unreadable', 'server_error']],
  ['CF-05', 'server_error', ['server_error', 'unverified']],
  ['CF-11', 'unsigned_answer', ['unverified']],
  ['CF-11', 'bad_signature', ['unverified']],
  ['CF-16', 'rate_limit', ['rate_limited', 'unverified']],
  ['CF-28', 'unlisted_code', ['unlisted']],
];

const skipWithoutCodes = ({ subject }: Bench) => (subject.traits?.codes_unpublished ? 'no code of this gateway is known to be final' : undefined);
const skipUnsignedNoes = ({ subject }: Bench) =>
  subject.traits?.errors_unsigned || subject.traits?.answers_unsigned ? 'errors of this gateway are never signed: the connection vouches for them' : undefined;

export const faultChecks: readonly Check[] = [
  ...calls.flatMap((call) => [...faults.map(([id, kind, causes]) => strikesAt(call, id, kind, causes)), isSlow(call)]),
  ...falseNoes(),
  ...truthChecks(),
  rotates(),
];

function skipOf({ skip }: Call): Pick<Check, 'skip'> {
  return skip ? { skip } : {};
}

/** A gateway that signs no answer cannot leave a signature out. */
function skipUnsigned(kind: Fault['kind'], { subject }: Bench): string | undefined {
  if (kind !== 'unsigned_answer' && kind !== 'bad_signature') return undefined;
  return subject.traits?.answers_unsigned ? 'answers of this gateway are never signed: the connection vouches for them' : undefined;
}

function strikesAt(call: Call, id: string, kind: Fault['kind'], causes: readonly string[]): Check {
  return {
    name: `${id}: ${call.label} with ${kind} is unknown, and is answered again when it is over`,
    skip: (bench) => call.skip?.(bench) ?? skipUnsigned(kind, bench),
    run: async (bench) => {
      const make = await call.prepare(bench);
      bench.simulator.inject({ kind, on: call.on, times: call.retry(bench.subject.channel) === 'never' ? 1 : strikes });
      const { fact } = await make();
      // Some gateways say it in so many words: call again.
      if (kind === 'server_error' && fact.is === 'again') return void (await untilKnown(make));
      assert.ok('cause' in fact, `with ${kind} it is ${fact.is}`);
      assert.ok(causes.includes(fact.cause), `cause is ${fact.cause}`);
      await untilKnown(make);
    },
  };
}

/** A notification that is under way has a time limit, which sleeps too, until it is answered. */
async function allAtRest({ clock }: Bench): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await clock.sleep(0);
}

function isSlow(call: Call): Check {
  return {
    name: `CF-06: ${call.label} that takes longer than the deadline is unknown`,
    ...skipOf(call),
    run: async (bench) => {
      const make = await call.prepare(bench);
      await allAtRest(bench);
      const asleep = bench.clock.sleepers();
      bench.simulator.inject({ kind: 'slow', on: call.on, ms: channel_deadline_ms * 10 });
      const made = make();
      // The client's deadline and the gateway's delay are two that sleep.
      while (bench.clock.sleepers() < asleep + 2) await bench.clock.sleep(0);
      bench.clock.advance(channel_deadline_ms);
      const { fact } = await made;
      assert.deepEqual('cause' in fact && fact.cause, 'timeout');
      bench.clock.advance(channel_deadline_ms * 10);
      await untilKnown(make);
    },
  };
}

/** An error that is not the gateway's own word is none: a proxy in the middle must not be able to refuse a payment. */
function falseNoes(): readonly Check[] {
  return (['unsigned_answer', 'bad_signature'] as const).flatMap((kind): readonly Check[] => [
    {
      name: `CF-11: "not found" with ${kind} is unknown`,
      skip: skipUnsignedNoes,
      run: async (bench) => {
        const input = bench.payInput(plain(bench));
        bench.simulator.inject({ kind, on: 'query', times: strikes });
        assertIs(await query(bench, input), 'unknown');
        assertIs(await untilKnown(() => bench.client.query(bench.account, orderInput(input))), 'not_found');
      },
    },
    {
      name: `CF-11: a refused payment code with ${kind} is unknown`,
      skip: (bench) => skipWithoutBarcode(bench) ?? skipWithoutCodes(bench) ?? skipUnsignedNoes(bench),
      run: async (bench) => {
        const refused = () => bench.payInput(code(bench), { auth_code: bench.simulator.newPaymentCode('insufficient_funds') });
        bench.simulator.inject({ kind, on: 'pay', times: strikes });
        assertIs((await bench.client.pay(bench.account, refused())).fact, 'unknown');
        assertIs(await untilKnown(() => bench.client.pay(bench.account, refused())), 'refused');
      },
    },
    {
      name: `CF-11: a refused refund with ${kind} is unknown`,
      skip: skipUnsignedNoes,
      run: async (bench) => {
        const input = await paidOrder(bench, plain(bench));
        const above = bench.refundInput(input, { amount_fen: toFen(input.amount_fen + 1n) });
        bench.simulator.inject({ kind, on: 'refund', times: 1 });
        assertIs((await bench.client.refund(bench.account, above)).fact, 'unknown');
      },
    },
  ]);
}

/** What is lost on the way is found by asking: the gateway's ledger and ours agree in the end. */
function truthChecks(): readonly Check[] {
  return [
    {
      name: 'CF-01: a payment whose answer was lost is found by a query, and was charged once',
      skip: skipWithoutBarcode,
      run: async (bench) => {
        const input = bench.payInput(code(bench));
        bench.simulator.inject({ kind: 'drop_after', on: 'pay', times: strikes });
        assertIs((await bench.client.pay(bench.account, input)).fact, 'unknown');
        assertOurs(bench, input, await query(bench, input));
        assert.equal(truePayments(bench, input).length, 1);
        await untilKnown(() => bench.client.pay(bench.account, bench.payInput(code(bench))));
      },
    },
    {
      name: 'CF-02: a payment that never arrived is not found by a query',
      run: async (bench) => {
        const input = bench.payInput(plain(bench));
        bench.simulator.inject({ kind: 'drop_before', on: 'pay', times: strikes });
        assertIs((await bench.client.pay(bench.account, input)).fact, 'unknown');
        assertIs(await query(bench, input), 'not_found');
        await untilKnown(() => bench.client.pay(bench.account, bench.payInput(plain(bench))));
      },
    },
    {
      name: 'CF-01: a refund whose answer was lost is one refund, found by its number',
      run: async (bench) => {
        const refund = bench.refundInput(await paidOrder(bench, plain(bench)));
        bench.simulator.inject({ kind: 'drop_after', on: 'refund', times: strikes });
        assertIs((await bench.client.refund(bench.account, refund)).fact, 'unknown');
        assertIs(await refundOutcome(bench, refund), 'succeeded');
        assert.equal(trueRefunds(bench, refund).length, 1);
      },
    },
    {
      name: 'CF-18: an order that the gateway does not show yet is not found, and no failure',
      run: async (bench) => {
        const { input } = await order(bench, plain(bench));
        bench.simulator.inject({ kind: 'not_found_lag', on: 'query' });
        const { is } = await query(bench, input);
        assert.ok(is === 'not_found' || is === 'unknown' || is === 'waiting', is);
        assertUnpaid(await untilKnown(() => bench.client.query(bench.account, orderInput(input))));
      },
    },
    {
      name: 'CF-22: a refund that is accepted and then fails is not a success',
      run: async (bench) => {
        const refund = bench.refundInput(await paidOrder(bench, plain(bench)));
        bench.simulator.inject({ kind: 'refund_fails', on: 'refund' });
        const { fact } = await bench.client.refund(bench.account, refund);
        assert.ok(fact.is === 'pending' || fact.is === 'refused' || fact.is === 'unknown', fact.is);
        const { is } = await refundOutcome(bench, refund);
        assert.notEqual(is, 'succeeded');
        assert.ok(trueRefunds(bench, refund).every(({ state }) => state !== 'succeeded'));
      },
    },
  ];
}

function rotates(): Check {
  return {
    name: 'CF-15: answers and notifications go on being believed when the gateway changes its key',
    skip: ({ subject }) =>
      subject.trust === 'certificate' && subject.channel.trust ? undefined : 'the key is part of the settings here: a new one comes with new settings',
    run: async (bench) => {
      const before = await order(bench, plain(bench));
      // Fetches of keys are few in a window: the checks before this one have had theirs.
      bench.clock.advance(trust_refresh_window_ms);
      bench.simulator.inject({ kind: 'rotate_key' });
      const after = await order(bench, plain(bench));
      assertIs(after.fact, 'waiting');
      await bench.simulator.act(before.input.channel_order_no, { do: 'pay' });
      const [message] = await bench.messages(before.input.notify_url);
      assert.ok(message);
      assert.equal((await bench.client.readNotification(bench.account, message)).is, 'read');
      assertOurs(bench, before.input, await query(bench, before.input));
    },
  };
}
