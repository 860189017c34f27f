import type { Code, Fields } from './genuine.ts';

/** A change of one field of a message, or of a field inside one: `amount.total`. Undefined leaves it out. */
export const set =
  (path: string, value: unknown) =>
  (fields: Fields): Fields => {
    const [name = '', inner] = path.split('.');
    if (inner !== undefined) return { ...fields, [name]: set(inner, value)(fields[name] as Fields) };
    const { [name]: _replaced, ...rest } = fields;
    return value === undefined ? rest : { ...rest, [name]: value };
  };

/** Genuine to the last byte, and none of them pays a payment of 100 fen of this merchant. */
export const lies: Readonly<Record<Code, readonly (readonly [what: string, change: (fields: Fields) => Fields])[]>> = {
  wechatpay: [
    ...[1, 99, 101, 10_000, 0, -100, 100.5, 1e20, '100', null, [100], { total: 100 }, undefined].map(
      (total) => [`B-02 total ${JSON.stringify(total)}`, set('amount.total', total)] as const,
    ),
    ...['USD', 'cny', 'CNY ', '', 'JPY', 1].map((currency) => [`B-02 currency ${JSON.stringify(currency)}`, set('amount.currency', currency)] as const),
    ['B-02 no amount', set('amount', undefined)],
    ...['1900000000', '', undefined, 1].map((mchid) => [`B-02 mchid ${JSON.stringify(mchid)}`, set('mchid', mchid)] as const),
    ...['wx0000000000000000', '', undefined].map((appid) => [`B-02 appid ${JSON.stringify(appid)}`, set('appid', appid)] as const),
    ...['', undefined, 'X'.repeat(32), '../../etc/passwd', 'a'.repeat(100_000), null].map(
      (no) => [`B-03 out_trade_no ${JSON.stringify(no)?.slice(0, 40)}`, set('out_trade_no', no)] as const,
    ),
    ...['success', 'PAID', '', 'SUCCESS ', undefined, 'NOTPAY', 'USERPAYING', 'toString'].map(
      (state) => [`B-11 trade_state ${JSON.stringify(state)}`, set('trade_state', state)] as const,
    ),
    ...['', undefined, null, 1].map((no) => [`B-02 transaction_id ${JSON.stringify(no)}`, set('transaction_id', no)] as const),
    ...['', 'yesterday', '2026-11-22', undefined, '0', '9999-99-99T99:99:99+08:00'].map(
      (time) => [`B-02 success_time ${JSON.stringify(time)}`, set('success_time', time)] as const,
    ),
  ],
  alipay: [
    ...[
      '0.01',
      '0.99',
      '1.01',
      '100.00',
      '0',
      '-1.00',
      '+1.00',
      '1e0',
      '0x1',
      '１.００',
      ' 1.00',
      '1.00 ',
      '1.000',
      '1,00',
      '1.00元',
      'NaN',
      '',
      undefined,
    ].map((total) => [`B-02 B-07 total_amount ${JSON.stringify(total)}`, set('total_amount', total)] as const),
    ...['USD', 'cny', 'CNY '].map((currency) => [`B-02 trans_currency ${JSON.stringify(currency)}`, set('trans_currency', currency)] as const),
    ...['2088000000000009', '', undefined].map((seller) => [`B-02 seller_id ${JSON.stringify(seller)}`, set('seller_id', seller)] as const),
    ...['2021000000000009', '', undefined].map((app) => [`B-02 app_id ${JSON.stringify(app)}`, set('app_id', app)] as const),
    ...['', undefined, 'X'.repeat(32), "' or 1=1 --", 'a'.repeat(100_000)].map(
      (no) => [`B-03 out_trade_no ${JSON.stringify(no)?.slice(0, 40)}`, set('out_trade_no', no)] as const,
    ),
    ...['trade_success', 'SUCCESS', '', 'TRADE_SUCCESS ', undefined, 'WAIT_BUYER_PAY', 'constructor'].map(
      (state) => [`B-11 trade_status ${JSON.stringify(state)}`, set('trade_status', state)] as const,
    ),
    ...['', undefined].map((no) => [`B-02 trade_no ${JSON.stringify(no)}`, set('trade_no', no)] as const),
    ...['', 'yesterday', undefined, '2026-13-01 00:00:00'].map((time) => [`B-02 gmt_payment ${JSON.stringify(time)}`, set('gmt_payment', time)] as const),
    ...['fund_change', undefined, ''].map((type) => [`B-13 notify_type ${JSON.stringify(type)}`, set('notify_type', type)] as const),
    ['B-02 a refund in the clothes of a payment', set('refund_fee', '1.00')],
  ],
};

/** Documents that have cost others their files, their networks and their memory. */
export function xmlBombs(url: string): (string | Buffer)[] {
  const laughs = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');
  const inner = '<xml><return_code>SUCCESS</return_code><out_trade_no>&x;</out_trade_no></xml>';
  const external = [
    'file:///etc/passwd',
    `${url}/x`,
    `ftp://${new URL(url).host}/x`,
    `jar:${url}!/x`,
    'php://filter/read=convert.base64-encode/resource=/etc/passwd',
  ];
  const plain = `<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY x SYSTEM "${url}/x">]>${inner}`;
  return [
    ...external.map((target) => `<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY x SYSTEM "${target}">]>${inner}`),
    `<!DOCTYPE xml SYSTEM "${url}/evil.dtd">${inner}`,
    `<!DOCTYPE xml [<!ENTITY % p SYSTEM "${url}/p.dtd"> %p;]>${inner}`,
    `<!DOCTYPE xml [<!ENTITY l0 "lol">${laughs}]><xml><out_trade_no>&l9;</out_trade_no></xml>`,
    `<xml xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></xml>`,
    Buffer.from(`\ufeff${plain}`, 'utf16le'),
    Buffer.from(plain, 'utf16le').swap16(),
    plain.replaceAll('<', '+ADw-').replaceAll('>', '+AD4-'),
    '<xml><total_fee>1</total_fee><total_fee>100</total_fee></xml>',
    '<xml><total_fee>1<!-- -->00</total_fee><a><![CDATA[1]]><![CDATA[00]]></a></xml>',
    '<xml><total_fee>1e3</total_fee><cash_fee>0x1F</cash_fee></xml>',
    `<xml ${Array.from({ length: 10_000 }, (_, at) => `a${at}="1"`).join(' ')}/>`,
    `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`,
    `<xml>${'<__proto__>1</__proto__>'.repeat(10)}</xml>`,
  ];
}
