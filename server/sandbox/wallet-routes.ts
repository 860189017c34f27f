import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { Fault, Simulator } from '../channels/kit/simulator.ts';
import { channels } from '../channels/registry.ts';
import { answerProblem } from './problems.ts';
import { qrSvg } from './qr.ts';
import { bodyReader } from './scope.ts';
import { act, scan, walletOrders } from './wallet.ts';

const behaviours = ['pays', 'asks_password', 'insufficient_funds', 'expired'] as const;
const fault_kinds = [
  'drop_before',
  'drop_after',
  'cut_answer',
  'html_answer',
  'server_error',
  'slow',
  'unsigned_answer',
  'bad_signature',
  'rate_limit',
  'unlisted_code',
  'error_code',
  'notify_lost',
  'notify_delayed',
  'notify_twice',
  'notify_wrong_amount',
  'notify_wrong_merchant',
  'notify_unknown_order',
  'notify_signature_probe',
  'not_found_lag',
  'refund_fails',
  'rotate_key',
] as const satisfies readonly Fault['kind'][];
const fault_targets = ['pay', 'query', 'close', 'reverse', 'refund', 'refund_query', 'notify'] as const;

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
const exact = { additionalProperties: false } as const;
const channel = Type.String({ maxLength: 40 });

/** An order string of an app with goods detail is a few thousand characters. */
const ScanBody = Type.Object({ text: Type.String({ minLength: 1, maxLength: 8000 }) }, exact);
const ActBody = Type.Object(
  { channel, order_no: Type.String({ minLength: 1, maxLength: 64 }), do: oneOf(['pay', 'decline']), late: Type.Optional(Type.Boolean()) },
  exact,
);
const PaymentCodeBody = Type.Object({ channel, behaviour: oneOf(behaviours) }, exact);
const FaultBody = Type.Object(
  {
    channel,
    kind: oneOf(fault_kinds),
    on: Type.Optional(oneOf(fault_targets)),
    times: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 120_000 })),
    code: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z_.-]{1,64}$' })),
  },
  exact,
);

const readScan = bodyReader(ScanBody);
const readAct = bodyReader(ActBody);
const readPaymentCode = bodyReader(PaymentCodeBody);
const readFault = bodyReader(FaultBody);

/** What the wallet page asks: the payer's hands on the simulated gateways. */
export function mountWallet(app: FastifyInstance, simulators: readonly Simulator[], public_url: string): void {
  const find = (code: string) => simulators.find((simulator) => simulator.channel === code);

  app.get('/wallets', () => ({
    wallets: simulators.map(({ channel: code, wallet, browser }) => ({
      channel: code,
      wallet,
      gateway: channels.get(code)?.name,
      has_browser: browser !== undefined,
    })),
    public_url,
    behaviours,
    fault_kinds,
    fault_targets,
  }));
  app.get<{ Querystring: { channel?: string } }>('/orders', (request, reply) => {
    const simulator = find(request.query.channel ?? '');
    return simulator ? { orders: walletOrders(simulator) } : answerProblem(reply, 'wallet_unknown', { param: 'channel' });
  });
  app.post('/scan', (request, reply) => {
    const body = readScan(request);
    return scan(simulators, body.text.trim()) ?? answerProblem(reply, 'order_unknown', { param: 'text' });
  });
  app.post('/act', async (request, reply) => {
    const body = readAct(request);
    const simulator = find(body.channel);
    if (simulator === undefined) return answerProblem(reply, 'wallet_unknown', { param: 'channel' });
    if (scan([simulator], body.order_no) === undefined) return answerProblem(reply, 'order_unknown', { param: 'order_no' });
    const { result, order } = await act(simulator, body.order_no, body.do === 'pay' ? { do: 'pay', late: body.late === true } : { do: 'decline' });
    return result.done ? order : answerProblem(reply, 'act_refused', { detail: result.problem });
  });
  app.post('/payment-codes', (request, reply) => {
    const body = readPaymentCode(request);
    const simulator = find(body.channel);
    if (simulator === undefined) return answerProblem(reply, 'wallet_unknown', { param: 'channel' });
    const code = simulator.newPaymentCode(body.behaviour);
    return { code, behaviour: body.behaviour, qr_svg: qrSvg(code) };
  });
  app.post('/faults', (request, reply) => {
    const body = readFault(request);
    const { channel: code, ...fault } = body;
    const simulator = find(code);
    if (simulator === undefined) return answerProblem(reply, 'wallet_unknown', { param: 'channel' });
    simulator.inject(fault);
    return { fault };
  });
}
