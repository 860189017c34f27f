import { createGateway, type Gateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, type Options, receive, sealed, usual } from './simulator/door.ts';
import { paymentFields } from './simulator/views.ts';

/** The gateway itself: orders of several wallets, payment codes, refunds, bills and signed notifications. */
export function swiftpassSimulator(ports: SimulatorPorts, options: Partial<Options> = {}): Simulator {
  return createGateway(ports, (gateway: Gateway) => {
    const chosen = { ...usual, ...options };
    const calls = createCalls(gateway);
    return {
      channel: 'swiftpass',
      wallet: 'wechat',
      rules: {
        newTransactionId: ({ today, digits }, { merchant }) => `${merchant}${today()}${digits(10)}`,
        newRefundId: ({ today, digits }, { merchant }) => `${merchant}${today()}${digits(10)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s: chosen.retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          if (refund) return undefined;
          const fields = { status: '0', result_code: '0', pay_result: '0', mch_id: order.merchant, ...paymentFields(order) };
          return { headers: { 'Content-Type': 'text/xml;charset=utf-8' }, body: String(sealed(gateway.world, signer, fields, chosen)(how).body) };
        },
        isTaken: ({ body }) => body === 'success',
      },
      enroll: (input) => enroll(gateway.world, input),
      receive: (request) => receive(gateway.world, request, calls, chosen),
      stateOf: ({ state }) => ({ open: 'NOTPAY', asking: 'USERPAYING', paid: 'SUCCESS', closed: 'CLOSED', reversed: 'REVERSE', failed: 'PAYERROR' })[state],
      newCode: (wallet) => `${prefixes[wallet] ?? prefixes.wechat}${gateway.world.digits((lengths[wallet] ?? 18) - 2)}`,
    };
  });
}

const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62', bestpay: '51', qq: '91', jd: '18' };
const lengths: Readonly<Record<string, number>> = { unionpay: 19 };
