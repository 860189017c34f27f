import { createHash } from 'node:crypto';
import { createGateway } from '../kit/gateway/gateway.ts';
import type { Told } from '../kit/gateway/notifier.ts';
import type { Signature } from '../kit/gateway/wire.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { createCalls } from './simulator/calls.ts';
import { enroll, macOf, receive } from './simulator/door.ts';
import { states } from './simulator/views.ts';

/** Bestpay's payment-code gateway itself. A notification that is not answered in a minute comes again after these seconds. */
const retry_after_s = [60, 180, 300, 3600, 7200, 14_400, 28_800];

export function bestpaySimulator(ports: SimulatorPorts): Simulator {
  return createGateway(ports, (gateway) => {
    const calls = createCalls(gateway);
    return {
      channel: 'bestpay',
      wallet: 'bestpay',
      rules: {
        newTransactionId: ({ today, digits }) => `${today()}${digits(18)}`,
        newRefundId: ({ today, digits }) => `${today()}${digits(18)}`,
        refund_settles_ms: 5_000,
        refund_days_max: 365,
        reverse_days_max: 1,
      },
      notification: {
        retry_after_s,
        answer_within_ms: 60_000,
        message: (told, how) => ({
          headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(told.refund ? refundForm(told, how) : paidForm(told, how)).toString(),
        }),
        isTaken: ({ body }, { order, refund }) => body === (refund ? refund.refund_id : `UPTRANSEQ_${order.transaction_id}`),
      },
      enroll: () => enroll(gateway.world),
      receive: (request) => receive(gateway.world, request, calls),
      stateOf: ({ state }) => states[state],
      newCode: () => `51${gateway.world.digits(16)}`,
    };
  });
}

const keyFor = ({ signer }: Told, how: Signature): string => (how === 'good' ? (signer.own.data_key ?? '') : createHash('md5').update(signer.no).digest('hex'));

function paidForm(told: Told, how: Signature): Record<string, string> {
  const { order } = told;
  const fields = {
    UPTRANSEQ: order.transaction_id ?? '',
    MERCHANTID: order.merchant,
    TRANDATE: order.own.date ?? '',
    RETNCODE: '0000',
    RETNINFO: '0000',
    ORDERREQTRANSEQ: order.order_no,
    ORDERSEQ: order.order_no,
    ORDERAMOUNT: String(order.amount_fen),
    PRODUCTAMOUNT: String(order.amount_fen),
    ATTACHAMOUNT: '0',
    CURTYPE: 'RMB',
    ENCODETYPE: '1',
    BANKID: 'EPAYACC',
    ATTACH: '',
    UPREQTRANSEQ: order.transaction_id ?? '',
    UPBANKTRANSEQ: '',
    PRODUCTNO: '',
  };
  const text = `UPTRANSEQ=${fields.UPTRANSEQ}&MERCHANTID=${fields.MERCHANTID}&ORDERID=${fields.ORDERSEQ}&PAYMENT=${fields.ORDERAMOUNT}&RETNCODE=0000&RETNINFO=0000&PAYDATE=${fields.TRANDATE}`;
  return { ...fields, SIGN: macOf(text, keyFor(told, how)) };
}

function refundForm(told: Told, how: Signature): Record<string, string> {
  const { order, refund } = told;
  const fields = {
    refundReqNo: refund?.refund_no ?? '',
    ourTransNo: refund?.refund_id ?? '',
    oldOrderNo: order.order_no,
    oldOrderReqNo: order.order_no,
    merchantCode: order.merchant,
    transAmt: String(refund?.amount_fen ?? 0),
    transStatus: refund?.state === 'succeeded' ? 'B' : 'C',
  };
  const { merchantCode, oldOrderNo, oldOrderReqNo, ourTransNo, refundReqNo, transAmt, transStatus } = fields;
  const text = `MERCHANTCODE=${merchantCode}&OLDORDERNO=${oldOrderNo}&OLDORDERREQNO=${oldOrderReqNo}&OURTRANSNO=${ourTransNo}&REFUNDREQNO=${refundReqNo}&TRANSAMT=${transAmt}&TRANSSTATUS=${transStatus}`;
  return { ...fields, mac: macOf(text, keyFor(told, how)) };
}
