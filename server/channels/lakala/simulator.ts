import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, receive, signedNotice } from './simulator/door.ts';
import { paymentData, states } from './simulator/views.ts';

/** Lakala's open platform itself. The schedule is that of its cashier: the one that is published. */
const retry_after_s = [1, 5, 5, 10, 180, 600, 1200, 1800, 3600, 7200];

export function lakalaSimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const { world } = gateway;
    const calls = createCalls(gateway);
    return {
      channel: 'lakala',
      wallet: 'wechat',
      rules: {
        newTransactionId: ({ today, digits }) => `${today()}${digits(20)}`,
        newRefundId: ({ today, digits }) => `${today()}${digits(20)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          // A charge that was answered is not told of; one that had to wait is.
          if (refund || order.own.answered === 'yes') return undefined;
          return signedNotice(world, signer, JSON.stringify({ trade_status: 'SUCCESS', ...paymentData(order) }), how);
        },
        isTaken: ({ body }) => body.includes('"SUCCESS"'),
      },
      enroll: () => enroll(world),
      receive: (request) => receive(world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: (wallet) => `${prefixes[wallet] ?? '13'}${world.digits((lengths[wallet] ?? 18) - 2)}`,
    };
  });
}

const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62', bestpay: '51', ecny: '01' };
const lengths: Readonly<Record<string, number>> = { unionpay: 19 };
