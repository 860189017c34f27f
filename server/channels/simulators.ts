import { alipaySimulator } from './alipay/simulator.ts';
import { bestpaySimulator } from './bestpay/simulator.ts';
import { cmbSimulator } from './cmb/simulator.ts';
import { epaySimulator } from './epay/simulator.ts';
import { fuiouSimulator } from './fuiou/simulator.ts';
import { heliuSimulator } from './heliu/simulator.ts';
import { icbcSimulator } from './icbc/simulator.ts';
import { jdpaySimulator } from './jdpay/simulator.ts';
import { jeepaySimulator } from './jeepay/simulator.ts';
import type { SimulatorMaker } from './kit/simulator.ts';
import { lakalaSimulator } from './lakala/simulator.ts';
import { qqpaySimulator } from './qqpay/simulator.ts';
import { shouqianbaSimulator } from './shouqianba/simulator.ts';
import { swiftpassSimulator } from './swiftpass/simulator.ts';
import { unionpaySimulator } from './unionpay/simulator.ts';
import { wechatpaySimulator } from './wechatpay/simulator.ts';

const own_contract = { mode: 'direct', trust: 'certificate' } as const;
const through_provider = { mode: 'provider', trust: 'public_key' } as const;

/**
 * The simulated gateways, one line per channel. Apart from the registry, so that what serves production never loads them:
 * only the sandbox and tests import this file.
 */
export const simulators: readonly SimulatorMaker[] = [
  { channel: 'wechatpay', create: (ports) => wechatpaySimulator(ports) },
  { channel: 'alipay', create: (ports) => alipaySimulator(ports) },
  { channel: 'unionpay', create: (ports) => unionpaySimulator(ports) },
  { channel: 'swiftpass', create: (ports) => swiftpassSimulator(ports) },
  { channel: 'icbc', create: (ports) => icbcSimulator(ports), refunds_untold: true, codes_unpublished: true, forms: [{ mode: 'direct', trust: 'public_key' }] },
  { channel: 'cmb', create: (ports) => cmbSimulator(ports), codes_unpublished: true, forms: [{ mode: 'direct', trust: 'public_key' }] },
  { channel: 'qqpay', create: (ports) => qqpaySimulator(ports), codes_unpublished: true, forms: [own_contract, through_provider] },
  {
    channel: 'jdpay',
    create: (ports) => jdpaySimulator(ports),
    codes_unpublished: true,
    errors_unsigned: true,
    times_unsaid: true,
    forms: [own_contract],
  },
  {
    channel: 'bestpay',
    create: (ports) => bestpaySimulator(ports),
    codes_unpublished: true,
    errors_unsigned: true,
    answers_partly_signed: true,
    notices_partly_signed: true,
    times_unsaid: true,
    forms: [own_contract],
  },
  { channel: 'lakala', create: (ports) => lakalaSimulator(ports), refunds_untold: true, codes_unpublished: true, forms: [own_contract] },
  { channel: 'fuiou', create: (ports) => fuiouSimulator(ports), refunds_untold: true, codes_unpublished: true, forms: [own_contract] },
  {
    channel: 'shouqianba',
    create: (ports) => shouqianbaSimulator(ports),
    answers_unsigned: true,
    notices_unsigned: true,
    amount_fen_max: 9_999_999_999,
    forms: [own_contract],
  },
  { channel: 'heliu', create: (ports) => heliuSimulator(ports), answers_unsigned: true, forms: [own_contract, { mode: 'direct', trust: 'public_key' }] },
  { channel: 'jeepay', create: (ports) => jeepaySimulator(ports), errors_unsigned: true, forms: [own_contract] },
  {
    channel: 'epay',
    create: (ports) => epaySimulator(ports),
    refunds_untold: true,
    answers_unsigned: true,
    times_unsaid: true,
    orders_never_end: true,
    forms: [own_contract],
  },
];

/**
 * The gateways of a world that is about something else: two wallets with all their ways. With every gateway each world would
 * spend its time on making keys.
 */
export const usual_simulators: readonly SimulatorMaker[] = simulators.slice(0, 2);

const less_sure: readonly string[] = ['icbc', 'jdpay', 'bestpay', 'lakala', 'fuiou', 'jeepay', 'epay'];
/** Gateways of which none promises that a number is one refund, and most end an order by its time alone. They say what is asked of them (`reads`). */
export const further_simulators: readonly SimulatorMaker[] = simulators.filter(({ channel }) => less_sure.includes(channel));
