import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { receive } from './simulator/door.ts';
import { createTerminals } from './simulator/terminals.ts';
import { orderStatus, paymentData } from './simulator/views.ts';

/** Shouqianba's upay gateway itself. */
const retry_after_s = [1, 5, 30, 600];

export function shouqianbaSimulator(ports: SimulatorPorts): Simulator {
  let newSessionCode: NonNullable<Simulator['newSessionCode']> | undefined;
  const simulator = createGateway(ports, (gateway) => {
    const { world } = gateway;
    const terminals = createTerminals(world);
    const calls = createCalls(gateway);
    newSessionCode = terminals.newCode;
    return {
      channel: 'shouqianba',
      wallet: 'wechat',
      rules: {
        newTransactionId: (_, order) => order.own.sn ?? '',
        newRefundId: ({ digits }) => digits(16),
        refund_settles_ms: 0,
        refund_days_max: 90,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 5_000,
        // Nothing signs a notification: a false one looks like a true one.
        message: ({ order, refund }) =>
          refund ? undefined : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(paymentData(order, gateway.ledger.refundable(order))) },
        isTaken: ({ body }) => body === 'success',
      },
      enroll: () => Promise.resolve(terminals.enroll()),
      receive: (request) => receive(request, terminals, calls),
      stateOf: (order) => orderStatus(order, gateway.ledger.refundable(order)),
      newCode: (wallet) => `${prefixes[wallet] ?? '13'}${world.digits((lengths[wallet] ?? 18) - 2)}`,
    };
  });
  return { ...simulator, ...(newSessionCode ? { newSessionCode } : {}) };
}

const prefixes: Readonly<Record<string, string>> = { wechat: '13', alipay: '28', unionpay: '62', bestpay: '51', qq: '91', jd: '18' };
const lengths: Readonly<Record<string, number>> = { unionpay: 19 };
