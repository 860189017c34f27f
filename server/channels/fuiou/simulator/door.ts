import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import iconv from 'iconv-lite';
import { formatShanghaiCompact } from '../../../kernel/time.ts';
import { makeRsaPair } from '../../kit/gateway/keys.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, World } from '../../kit/gateway/world.ts';
import type { Calls, Fields, Result } from './calls.ts';

/** The door: one parameter, encoded twice, GBK, a signature over every field but the reserved ones. */

/** Fuiou's keys have 1024 bits. */
export async function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `0002900F${world.digits(7)}`;
  const [own, fuiou] = [await makeRsaPair(1024), await makeRsaPair(1024)];
  const ins_cd = `08A${world.digits(7)}`;
  world.put('merchant', { no, own: { ins_cd, public_pem: own.public_pem, fuiou_key: fuiou.private_pem } });
  return {
    ins_cd,
    mchnt_cd: no,
    private_key: own.private_pem,
    fuiou_public_key: fuiou.public_pem,
    sub_appid: `wx${world.hex(16)}`,
    unknown_order_code: '010006',
    gateway_url: world.ports.base_url,
  };
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const once = new URLSearchParams(request.body.toString('latin1')).get('req') ?? '';
  const fields = readXml(decode(once));
  const merchant = world.tables.merchant.get(fields.get('mchnt_cd') ?? '');
  if (merchant === undefined || fields.get('ins_cd') !== merchant.own.ins_cd) return { reply: textReply('', 'text/plain', 400) };
  const call = calls(request.path, merchant, fields);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  if (!verify('RSA-MD5', textOf(fields), createPublicKey(merchant.own.public_pem ?? ''), Buffer.from(fields.get('sign') ?? '', 'base64'))) {
    return { reply: sealed(world, merchant, { result_code: '010004', result_msg: '签名错误' })('none') };
  }
  return {
    call: {
      name: call.name,
      names: call.names,
      run: () => sealed(world, merchant, call.run()),
      fail: (trouble) => troubleOf(world, merchant, trouble, call.name),
    },
  };
}

function troubleOf(world: World, merchant: Merchant, trouble: Trouble, name: string): Unsealed {
  if (trouble === 'rate_limit') return () => textReply('', 'text/plain', 429);
  const result_code = typeof trouble === 'object' ? trouble.code : trouble === 'server_error' ? '999999' : '077777';
  return sealed(world, merchant, { result_code, result_msg: '系统异常', ...(name === 'reverse' && trouble === 'server_error' ? { recall: 'Y' } : {}) });
}

function decode(text: string): string {
  const bytes = text.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return iconv.decode(Buffer.from(bytes, 'latin1'), 'gbk');
}

function readXml(text: string): Fields {
  const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  const clear = (value: string) => value.replace(/&(?:lt|gt|amp);/g, (entity) => entities[entity] ?? entity);
  return new Map([...text.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name = '', value = '']) => [name, clear(value)]));
}

function textOf(fields: Fields): Buffer {
  const names = [...fields.keys()].filter((name) => name !== 'sign' && !name.startsWith('reserved')).sort();
  return iconv.encode(names.map((name) => `${name}=${fields.get(name)}`).join('&'), 'gbk');
}

function write({ own }: Merchant, fields: Map<string, string>, how: Signature): string {
  if (how !== 'none') {
    const text = how === 'good' ? textOf(fields) : Buffer.concat([textOf(fields), Buffer.from('0')]);
    // Some of its signatures have a line break in them.
    fields.set(
      'sign',
      sign('RSA-MD5', text, createPrivateKey(own.fuiou_key ?? ''))
        .toString('base64')
        .replace(/^(.{76})/, '$1\n'),
    );
  }
  const elements = [...fields].map(([name, value]) => `<${name}>${value}</${name}>`);
  const bytes = iconv.encode(`<?xml version="1.0" encoding="GBK" standalone="yes"?><xml>${elements.join('')}</xml>`, 'gbk');
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

const sealed =
  (world: World, merchant: Merchant, result: Result): Unsealed =>
  (how) => {
    const common = {
      result_code: '000000',
      result_msg: '成功',
      ins_cd: merchant.own.ins_cd ?? '',
      mchnt_cd: merchant.no,
      term_id: '88888888',
      random_str: world.hex(32),
    };
    return textReply(write(merchant, new Map(Object.entries({ ...common, ...result })), how), 'text/plain');
  };

export function noticeBody(world: World, signer: Merchant, order: Order, how: Signature): string {
  const fields = {
    result_code: '000000',
    result_msg: '支付成功',
    ins_cd: signer.own.ins_cd ?? '',
    mchnt_cd: order.merchant,
    term_id: '88888888',
    random_str: world.hex(32),
    user_id: 'payer',
    order_amt: String(order.amount_fen),
    settle_order_amt: String(order.amount_fen),
    curr_type: 'CNY',
    transaction_id: order.transaction_id ?? '',
    mchnt_order_no: order.order_no,
    order_type: order.own.order_type ?? '',
    txn_fin_ts: formatShanghaiCompact(new Date(order.paid_ms ?? 0)),
    reserved_new_field: 'grows over time',
  };
  return `req=${encodeURIComponent(write(signer, new Map(Object.entries(fields)), how))}`;
}
