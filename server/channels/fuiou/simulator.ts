import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls, states } from './simulator/calls.ts';
import { enroll, noticeBody, receive } from './simulator/door.ts';

/** Fuiou's scan-to-pay gateway itself. A notification that is not answered with 1 comes again every half minute, five times. */
const retry_after_s = [30, 30, 30, 30, 30];

export function fuiouSimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'fuiou',
      wallet: 'wechat',
      rules: {
        newTransactionId: ({ today, digits }) => `4200${today()}${digits(16)}`,
        newRefundId: ({ today, digits }) => `5030${today()}${digits(16)}`,
        refund_settles_ms: 0,
        refund_days_max: 30,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          // There is no notification of a charge by payment code.
          if (refund || order.method.endsWith('_barcode')) return undefined;
          return { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: noticeBody(gateway.world, signer, order, how) };
        },
        isTaken: ({ body }) => body === '1',
      },
      enroll: () => enroll(gateway.world),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: (wallet) => `${prefixes[wallet] ?? '13'}${gateway.world.digits((wallet === 'unionpay' ? 19 : 18) - 2)}`,
    };
  });
}

const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62', bestpay: '51', ecny: '01' };
