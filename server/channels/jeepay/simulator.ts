import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, receive, signOf } from './simulator/door.ts';
import { orderData, refundData, states } from './simulator/views.ts';

/** A Jeepay installation. Six sends of a notification in all, each half a minute later than the one before. */
const retry_after_s = [30, 60, 90, 120, 150];

export function jeepaySimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const { world } = gateway;
    const calls = createCalls(gateway);
    return {
      channel: 'jeepay',
      wallet: 'aggregate',
      rules: {
        newTransactionId: (_, order) => order.own.pay_order_id ?? '',
        newRefundId: ({ digits }) => `R${digits(19)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 0,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 20_000,
        message({ signer, order, refund }, how) {
          const data = refund ? refundData(order, refund, signer) : orderData(order, signer);
          const values = { ...data, reqTime: String(world.now_ms()) };
          const sign = signOf(values, signer, how);
          const given = Object.entries({ ...values, sign }).flatMap(([name, value]) =>
            value === null || value === '' ? [] : [[name, String(value)] as [string, string]],
          );
          return { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(given).toString() };
        },
        isTaken: ({ body }) => body.toLowerCase() === 'success',
      },
      enroll: () => enroll(world),
      receive: (request) => receive(world, request, calls),
      stateOf: ({ state }) => String(states[state]),
      newCode: () => world.digits(18),
    };
  });
}
