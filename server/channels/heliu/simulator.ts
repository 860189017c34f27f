import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, merchantOf, receive, webhookOf } from './simulator/door.ts';
import { stateOf } from './simulator/views.ts';

/** Waits between the sends of a webhook, as the documentation of webhooks has them. */
const retry_after_s = [5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200];

/** How payment codes of a wallet begin, and how long they are. */
const codes: Readonly<Record<string, readonly [prefix: string, length: number]>> = {
  alipay: ['28', 18],
  unionpay: ['62', 19],
  bestpay: ['51', 18],
  ecny: ['01', 18],
};

/** Another installation of Heliu, as far as its contract goes: every body that it takes or gives is checked against the contract's own schemas. */
export function heliuSimulator(ports: SimulatorPorts): Simulator {
  const simulator = createGateway(ports, (gateway) => {
    const { world } = gateway;
    const calls = createCalls(gateway);
    return {
      channel: 'heliu',
      wallet: 'aggregate',
      rules: {
        newTransactionId: (_, { own }) => own.payment_id ?? '',
        newRefundId: ({ digits }) => `ref_${digits(26)}`,
        refund_settles_ms: 2_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 10_000,
        message: (told, how) => webhookOf(gateway, told, how),
        isTaken: () => true,
      },
      enroll: ({ trust }) => enroll(world, trust === 'public_key'),
      reportTo(settings, url) {
        const merchant = merchantOf(world, settings);
        world.put('merchant', { ...merchant, own: { ...merchant.own, endpoint: url } });
      },
      receive: (request) => receive(world, request, calls),
      stateOf,
      newCode: (wallet) => {
        const [prefix, length] = codes[wallet] ?? ['13', 18];
        return `${prefix}${world.digits(length - 2)}`;
      },
    };
  });
  return simulator;
}
