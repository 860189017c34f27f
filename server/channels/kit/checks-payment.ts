import assert from 'node:assert/strict';
import { type Method, methods } from '@heliu/contract';
import { amount_fen_max } from '../../kernel/limits.ts';
import { toFen } from '../../kernel/money.ts';
import type { Channel, PayInput } from '../define.ts';
import { orderInput } from './bench.ts';
import {
  assertIs,
  assertOurs,
  assertUnpaid,
  assertWord,
  barcodeMethod,
  type Check,
  isBarcode,
  methodsOf,
  order,
  paidOrder,
  plainMethod,
  query,
  refundOutcome,
  skipWithoutBarcode,
  skipWithoutClose,
  truePayments,
  trueRefunds,
} from './check.ts';

/** What a front end is told to do, by the scene of the method. */
const actions: Readonly<Record<(typeof methods)[Method]['scene'], readonly string[]>> = {
  qr: ['show_qr'],
  jsapi: ['invoke', 'redirect'],
  mini: ['invoke'],
  app: ['invoke'],
  h5: ['redirect', 'submit_form'],
  page: ['redirect', 'submit_form'],
  barcode: ['none', 'wait'],
};

/** Whatever a channel claims really works, from the first request to the refund. */
export const paymentChecks = (channel: Channel): readonly Check[] => [
  ...methodsOf(channel).flatMap((method) => [walks(method), ...(isBarcode(method) ? [] : [channel.close ? closes(method) : expires(method)])]),
  ...undoChecks,
  ...payerChecks,
  ...limitChecks(plainMethod(channel)),
];

function walks(method: Method): Check {
  return {
    name: `${method}: is sent, paid, notified, queried, refunded and the refund queried`,
    run: async (bench) => {
      const { input, fact } = await order(bench, method);
      if (fact.is === 'paid') {
        assertOurs(bench, input, fact);
      } else {
        assertIs(fact, 'waiting');
        assert.ok(actions[methods[method].scene].includes(fact.action.type), `a ${methods[method].scene} payment answers ${fact.action.type}`);
        assertUnpaid(await query(bench, input));
        assert.deepEqual(await bench.simulator.act(input.channel_order_no, { do: 'pay' }), { done: true });
      }
      // A gateway may send no message for a payment code: the cashier has the answer.
      if (!isBarcode(method)) {
        const [message] = await bench.messages(input.notify_url);
        assert.ok(message);
        const notified = await bench.client.readNotification(bench.account, message);
        assert.ok(notified.is === 'read' && notified.notification.about === 'payment');
        assert.equal(notified.notification.channel_order_no, input.channel_order_no);
        assertWord(bench, input, notified.notification.fact);
      }
      assertOurs(bench, input, await query(bench, input));
      await refundsAndAsks(bench, input);
    },
  };
}

async function refundsAndAsks(bench: Parameters<Check['run']>[0], input: PayInput): Promise<void> {
  const refund = bench.refundInput(input);
  const { fact } = await bench.client.refund(bench.account, refund);
  assert.ok(fact.is === 'succeeded' || fact.is === 'pending', `a refund is accepted: ${fact.is}`);
  const settled = await refundOutcome(bench, refund);
  assertIs(settled, 'succeeded');
  assert.equal(settled.amount_fen, refund.amount_fen);
  assert.deepEqual(
    trueRefunds(bench, refund).map(({ amount_fen, state }) => ({ amount_fen, state })),
    [{ amount_fen: Number(refund.amount_fen), state: 'succeeded' }],
  );
}

function closes(method: Method): Check {
  return {
    name: `${method}: an unpaid order is closed and can no longer be paid`,
    run: async (bench) => {
      const { input, fact } = await order(bench, method);
      assertIs(fact, 'waiting');
      const closed = await bench.client.close(bench.account, orderInput(input));
      // There may be no order yet, and then nothing was closed: the payer may still open it.
      if (closed.fact.is === 'not_found') return assertIs(await query(bench, input), 'not_found');
      assertIs(closed.fact, 'closed');
      assert.notEqual(closed.fact.money, 'returned');
      assert.equal((await bench.simulator.act(input.channel_order_no, { do: 'pay' })).done, false);
      const after = await query(bench, input);
      assert.ok(after.is === 'closed' || after.is === 'not_found', `a closed order is ${after.is}`);
    },
  };
}

/** An order that nothing but its time ends, as far as the gateway goes. */
function expires(method: Method): Check {
  return {
    name: `${method}: an order that nobody paid in time is not shown as payable by a query; where it ended it cannot be paid, and elsewhere the money is seen`,
    run: async (bench) => {
      const { input } = await order(bench, method);
      bench.clock.advance(input.expires_at.getTime() - bench.clock.now().getTime() + 1000);
      const never_ends = bench.subject.traits?.orders_never_end === true;
      if (!never_ends) assert.equal((await bench.simulator.act(input.channel_order_no, { do: 'pay' })).done, false);
      const { is } = await query(bench, input);
      assert.ok(is === 'closed' || is === 'not_found', `an order that ended is ${is}`);
      if (!never_ends) return;
      assert.equal((await bench.simulator.act(input.channel_order_no, { do: 'pay' })).done, true);
      assertOurs(bench, input, await query(bench, input));
    },
  };
}

const undoChecks: readonly Check[] = [
  {
    name: 'close: a paid order is never reported as closed without its money',
    skip: skipWithoutClose,
    run: async (bench) => {
      const input = await paidOrder(bench, plainMethod(bench.subject.channel));
      const { fact } = await bench.client.close(bench.account, orderInput(input));
      assert.ok(fact.is === 'not_closable' || fact.is === 'unknown', `closing a paid order is ${fact.is}`);
      assertOurs(bench, input, await query(bench, input));
    },
  },
  {
    name: 'close and query: an order that never arrived is not found, which is not a failure',
    run: async (bench) => {
      const input = bench.payInput(plainMethod(bench.subject.channel));
      assertIs(await query(bench, input), 'not_found');
      if (!bench.subject.channel.close) return;
      const { fact } = await bench.client.close(bench.account, orderInput(input));
      assert.ok(fact.is === 'not_found' || fact.is === 'closed', `closing an order that never arrived is ${fact.is}`);
    },
  },
  {
    name: 'reverse: a paid payment-code order gives the money back',
    skip: skipWithoutBarcode,
    run: async (bench) => {
      const input = await paidOrder(bench, barcodeMethod(bench.subject.channel) as Method);
      const { fact } = await bench.client.reverse(bench.account, orderInput(input));
      assertIs(fact, 'closed');
      assert.notEqual(fact.money, 'none', 'it had been paid');
      const refunded = bench.simulator.truth().refunds.filter(({ order_no }) => order_no === input.channel_order_no);
      assert.equal(
        refunded.reduce((sum, { amount_fen }) => sum + amount_fen, 0),
        Number(input.amount_fen),
      );
      const again = await bench.client.reverse(bench.account, orderInput(input));
      assert.ok(again.fact.is === 'closed' || again.fact.is === 'not_closable', `reversing twice is ${again.fact.is}`);
    },
  },
  {
    name: 'reverse: an order that waits for a password can no longer be paid',
    skip: skipWithoutBarcode,
    run: async (bench) => {
      const auth_code = bench.simulator.newPaymentCode('asks_password');
      const { input, fact } = await order(bench, barcodeMethod(bench.subject.channel) as Method, { auth_code });
      assertIs(fact, 'waiting');
      assertIs((await bench.client.reverse(bench.account, orderInput(input))).fact, 'closed');
      assert.equal((await bench.simulator.act(input.channel_order_no, { do: 'pay' })).done, false);
      assert.deepEqual(truePayments(bench, input), []);
    },
  },
  {
    name: 'refund: in parts up to the whole, and never above it',
    run: async (bench) => {
      const input = await paidOrder(bench, plainMethod(bench.subject.channel));
      const part = toFen(input.amount_fen - 30n);
      for (const amount_fen of [part, toFen(30)]) {
        const refund = bench.refundInput(input, { amount_fen });
        const { fact } = await bench.client.refund(bench.account, refund);
        assert.ok(fact.is === 'succeeded' || fact.is === 'pending');
        assertIs(await refundOutcome(bench, refund), 'succeeded');
        // Some gateways want a pause between refunds of one order.
        bench.clock.advance(60_000);
      }
      const { fact } = await bench.client.refund(bench.account, bench.refundInput(input, { amount_fen: toFen(1) }));
      assert.ok(fact.is === 'refused' || fact.is === 'unknown', `a refund above what was paid is ${fact.is}`);
    },
  },
  {
    name: 'refund: the same number twice is one refund',
    run: async (bench) => {
      const input = await paidOrder(bench, plainMethod(bench.subject.channel));
      const refund = bench.refundInput(input);
      await bench.client.refund(bench.account, refund);
      await bench.client.refund(bench.account, refund);
      assert.equal(trueRefunds(bench, refund).length, 1);
      assertIs(await refundOutcome(bench, refund), 'succeeded');
    },
  },
  {
    name: 'refund query: a refund that never arrived is not found',
    run: async (bench) => {
      const input = await paidOrder(bench, plainMethod(bench.subject.channel));
      assertIs((await bench.client.refundQuery(bench.account, bench.refundInput(input))).fact, 'not_found');
    },
  },
];

const payerChecks: readonly Check[] = [
  {
    name: 'payment code: waits for a password, then is paid',
    skip: skipWithoutBarcode,
    run: async (bench) => {
      const auth_code = bench.simulator.newPaymentCode('asks_password');
      const { input, fact } = await order(bench, barcodeMethod(bench.subject.channel) as Method, { auth_code });
      assertIs(fact, 'waiting');
      assertIs(await query(bench, input), 'waiting');
      assert.deepEqual(await bench.simulator.act(input.channel_order_no, { do: 'pay' }), { done: true });
      assertOurs(bench, input, await query(bench, input));
    },
  },
  ...(['insufficient_funds', 'expired'] as const).map(
    (behaviour): Check => ({
      name: `payment code: ${behaviour} is a refusal with its reason, and no money moved`,
      skip: skipWithoutBarcode,
      run: async (bench) => {
        const auth_code = bench.simulator.newPaymentCode(behaviour);
        const { input, fact } = await order(bench, barcodeMethod(bench.subject.channel) as Method, { auth_code });
        assert.deepEqual(truePayments(bench, input), []);
        if (bench.subject.traits?.codes_unpublished && (fact.is === 'unknown' || fact.is === 'refused')) return;
        assertIs(fact, 'refused');
        const reasons = behaviour === 'expired' ? ['payment_code_expired', 'payment_code_invalid'] : ['insufficient_funds'];
        assert.ok(reasons.includes(fact.reason), fact.reason);
        assert.notEqual(fact.channel_code, '');
      },
    }),
  ),
  {
    name: 'payment code: one that was used is not charged again',
    skip: skipWithoutBarcode,
    run: async (bench) => {
      const method = barcodeMethod(bench.subject.channel) as Method;
      const paid = await paidOrder(bench, method);
      const { input, fact } = await order(bench, method, { auth_code: paid.auth_code as string });
      assert.ok(fact.is === 'refused' || fact.is === 'unknown', fact.is);
      assert.deepEqual(truePayments(bench, input), []);
    },
  },
  {
    name: 'CF-19: money that comes after the close, or after the time of an order, is seen by a query',
    run: async (bench) => {
      const { input } = await order(bench, plainMethod(bench.subject.channel));
      if (bench.subject.channel.close) {
        const { fact } = await bench.client.close(bench.account, orderInput(input));
        assert.ok(fact.is === 'closed' || fact.is === 'not_found', fact.is);
      } else {
        bench.clock.advance(input.expires_at.getTime() - bench.clock.now().getTime() + 1000);
      }
      assert.deepEqual(await bench.simulator.act(input.channel_order_no, { do: 'pay', late: true }), { done: true });
      assertOurs(bench, input, await query(bench, input));
    },
  },
];

/** As merchants write them: what a gateway cannot take, the adapter replaces or shortens, for a subject is only shown. */
const subjects = [
  'x',
  '测试商品',
  'a=1&b=2/c',
  '<b>"Tom\'s" & 茶</b>',
  '100% \\ {"json": true}',
  ' spaces  inside ',
  '茶🍵茶',
  '长'.repeat(127),
  '長'.repeat(256),
];

const limitChecks = (method: Method): readonly Check[] => [
  ...[toFen(1), toFen(99), toFen(100), toFen(123_456_789), toFen(amount_fen_max)].map(
    (amount_fen): Check => ({
      name: `amount of ${amount_fen} fen arrives unchanged, or is refused where the gateway takes less`,
      run: async (bench) => {
        const { input, fact } = await order(bench, method, { amount_fen });
        if (Number(amount_fen) > (bench.subject.traits?.amount_fen_max ?? amount_fen_max)) return assertIs(fact, 'refused');
        assertIs(fact, 'waiting');
        await bench.simulator.act(input.channel_order_no, { do: 'pay' });
        assert.equal(truePayments(bench, input)[0]?.amount_fen, Number(amount_fen));
        assertOurs(bench, input, await query(bench, input));
      },
    }),
  ),
  ...subjects.map(
    (subject): Check => ({
      name: `subject ${JSON.stringify(subject.slice(0, 24))} of ${[...subject].length} characters is taken`,
      run: async (bench) => assertIs((await order(bench, method, { subject })).fact, 'waiting'),
    }),
  ),
  {
    name: 'numbers of orders and refunds fit: they reach the gateway unchanged',
    run: async (bench) => {
      const input = await paidOrder(bench, method);
      const refund = bench.refundInput(input);
      await bench.client.refund(bench.account, refund);
      assert.match(input.channel_order_no, /^[0-9A-Z]{32}$/);
      assert.ok(bench.simulator.orders().some(({ order_no }) => order_no === input.channel_order_no));
      assert.equal(trueRefunds(bench, refund)[0]?.refund_no, refund.channel_refund_no);
    },
  },
];
