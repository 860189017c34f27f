import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { acknowledges, enroll, formOf, receive } from './simulator/door.ts';
import { apiOf, paymentFields, statusOf } from './simulator/views.ts';

/** How long the bank repeats a notification is said nowhere; this is the wallets' schedule. */
const retry_after_s = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600];
const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62' };
const lengths: Readonly<Record<string, number>> = { wechat: 16, alipay: 16, unionpay: 17 };

/** ICBC's aggregated acquiring itself, as far as its public description goes. */
export function icbcSimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const { world } = gateway;
    const calls = createCalls(gateway);
    return {
      channel: 'icbc',
      wallet: 'aggregate',
      rules: {
        newTransactionId: ({ today, digits }, { merchant }) => `${merchant}000${today()}${digits(7)}`,
        newRefundId: ({ today, digits }, { merchant }) => `${merchant}000${today()}${digits(7)}`,
        refund_settles_ms: 2_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund, id }, how) {
          // The bank tells of no refund, and the cashier has the answer of a payment code.
          if (refund || order.notify_url === undefined) return undefined;
          return formOf(world, signer, { path: new URL(order.notify_url).pathname, api: apiOf(order), biz: { ...paymentFields(order), msg_id: id } }, how);
        },
        isTaken: ({ body }, { signer, id }) => acknowledges(body, signer, id),
      },
      enroll: () => enroll(world),
      receive: (request) => receive(world, request, calls),
      stateOf: statusOf,
      newCode: (wallet) => `${prefixes[wallet] ?? '13'}${world.digits(lengths[wallet] ?? 16)}`,
    };
  });
}
