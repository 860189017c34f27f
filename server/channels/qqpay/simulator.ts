import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, receive, sealed } from './simulator/door.ts';
import { paymentFields, states } from './simulator/views.ts';

/** QQ Wallet itself. How long it repeats a notification is said nowhere; this is the family's schedule. */
const retry_after_s = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600];

export function qqpaySimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'qqpay',
      wallet: 'qq',
      rules: {
        newTransactionId: ({ today, digits }, { merchant }) => `${merchant.slice(0, 10)}${today()}${digits(10)}`,
        newRefundId: ({ today, digits }, { merchant }) => `${merchant.slice(0, 10)}${today()}${digits(10)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 7,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          if (refund || order.own.trade_type === 'MICROPAY') return undefined;
          const fields = { trade_state: 'SUCCESS', ...paymentFields(order) };
          return { headers: { 'Content-Type': 'text/xml' }, body: String(sealed(gateway.world, signer, fields, order)(how).body) };
        },
        isTaken: ({ body }) => /<return_code>(?:<!\[CDATA\[)?SUCCESS/.test(body),
      },
      enroll: (input) => enroll(gateway.world, input),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: () => `91${gateway.world.digits(16)}`,
    };
  });
}
