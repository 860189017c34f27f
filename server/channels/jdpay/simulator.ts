import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, receive, sealedXml } from './simulator/door.ts';
import { states } from './simulator/views.ts';

/** JD Pay itself. How often it repeats a notification is said nowhere. */
const retry_after_s = [60, 180, 600, 1800, 3600];

export function jdpaySimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'jdpay',
      wallet: 'jd',
      rules: {
        newTransactionId: (_, { order_no }) => order_no,
        newRefundId: ({ today, digits }) => `${today()}${digits(12)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          const common = { version: 'V2.0', merchant: order.merchant, currency: 'CNY' };
          const told = refund
            ? {
                tradeNum: refund.refund_no,
                oTradeNum: order.order_no,
                tradeType: '1',
                amount: String(refund.amount_fen),
                status: refund.state === 'succeeded' ? '2' : '3',
              }
            : { tradeNum: order.order_no, tradeType: '0', amount: String(order.amount_fen), status: '2' };
          return { headers: { 'Content-Type': 'application/xml' }, body: sealedXml(signer, { ...common, ...told }, how) };
        },
        isTaken: ({ body }) => body === 'success' || body === 'ok',
      },
      enroll: () => enroll(gateway.world),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: () => `18${gateway.world.digits(16)}`,
    };
  });
}
