import { createGateway } from '../kit/gateway/gateway.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, noticeQuery, receive } from './simulator/door.ts';

/** An installation of 易支付 itself. A notification that is not answered with the word comes again after 1, 3 and 20 minutes, 1 and 2 hours. */
const retry_after_s = [60, 180, 1_200, 3_600, 7_200];

export function epaySimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'epay',
      wallet: 'wechat',
      rules: {
        newTransactionId: ({ today, digits }, { own }) => own.trade_no ?? `${today()}${digits(11)}`,
        newRefundId: ({ today, digits }) => `${today()}${digits(11)}`,
        refund_settles_ms: 0,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 10_000,
        message: ({ signer, order, refund }, how) =>
          refund ? undefined : { method: 'GET', headers: { 'User-Agent': 'Mozilla/5.0' }, body: noticeQuery(signer, order, how) },
        isTaken: ({ body }) => body.includes('success'),
      },
      enroll: () => enroll(gateway.world),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => (state === 'paid' ? '1' : '0'),
      newCode: () => `13${gateway.world.digits(16)}`,
    };
  });
}
