import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { acknowledges, enroll, formOf, receive } from './simulator/door.ts';
import { paymentFields, refundFields, states } from './simulator/views.ts';

/** How long the bank repeats a notification is said nowhere; this is the wallets' schedule. */
const retry_after_s = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600];
const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62' };
const lengths: Readonly<Record<string, number>> = { wechat: 16, alipay: 16, unionpay: 17 };

/** CMB's aggregated acquiring itself, as far as its public description goes. */
export function cmbSimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'cmb',
      wallet: 'aggregate',
      rules: {
        newTransactionId: ({ today, digits }) => `1004${today()}${digits(12)}`,
        newRefundId: ({ today, digits }) => `1005${today()}${digits(12)}`,
        refund_settles_ms: 2_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        message({ signer, order, refund }, how) {
          const biz = refund ? { ...refundFields(order, refund), refundState: 'S' } : { ...paymentFields(order), tradeState: 'S' };
          return refund !== undefined && refund.state !== 'succeeded' ? undefined : formOf(gateway.world, signer, biz, how);
        },
        isTaken: ({ body }, { signer }) => acknowledges(body, signer),
      },
      enroll: () => Promise.resolve(enroll(gateway.world)),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: (wallet) => `${prefixes[wallet] ?? '13'}${gateway.world.digits(lengths[wallet] ?? 16)}`,
    };
  });
}
