import { alipay } from './alipay/index.ts';
import { bestpay } from './bestpay/index.ts';
import { cmb } from './cmb/index.ts';
import type { Channel, NotBuilt } from './define.ts';
import { epay } from './epay/index.ts';
import { fuiou } from './fuiou/index.ts';
import { heliu } from './heliu/index.ts';
import { icbc } from './icbc/index.ts';
import { jdpay } from './jdpay/index.ts';
import { jeepay } from './jeepay/index.ts';
import { lakala } from './lakala/index.ts';
import { qqpay } from './qqpay/index.ts';
import { shouqianba } from './shouqianba/index.ts';
import { swiftpass } from './swiftpass/index.ts';
import { unionpay } from './unionpay/index.ts';
import { wechatpay } from './wechatpay/index.ts';

/** Every channel that Heliu speaks, in the order in which lists show them. A channel is one folder and one line here. */
const registered: readonly Channel<never>[] = [
  wechatpay,
  alipay,
  unionpay,
  swiftpass,
  icbc,
  cmb,
  qqpay,
  jdpay,
  bestpay,
  lakala,
  fuiou,
  shouqianba,
  heliu,
  jeepay,
  epay,
];

/** Gateways of the mission that have no adapter, most of them because what is public is too little to build one. */
export const not_built: readonly NotBuilt[] = [
  {
    name: { en: 'Baidu Wallet (baifubao)', zh: '百付宝' },
    missing: { en: 'Its gateway protocol is not public, and it takes no new merchants.', zh: '网关协议未公开，且已不受理新商户。' },
  },
  {
    name: { en: 'Bank of Communications (maidandian)', zh: '交通银行买单吧' },
    missing: { en: 'The fields of its signed JSON envelope are not public.', zh: '签名报文的字段未公开。' },
  },
  {
    name: { en: 'Bank of Jiangsu (e-rong payment)', zh: '江苏银行 e 融支付' },
    missing: {
      en: 'No table of order states is public, and the same 1 stands in the answer to a new order and in the notice of a paid one. A refund is seen only in a list of orders whose request is not public, so a refund whose answer was lost could never be settled.',
      zh: '订单状态表未公开，新订单的应答与已付的通知同为 1；退款只见于订单列表，而列表的请求未公开：应答丢失的退款将无法查清。',
    },
  },
];

/** By code. */
export const channels: ReadonlyMap<string, Channel> = new Map(registered.map((channel) => [channel.code, channel as Channel]));
