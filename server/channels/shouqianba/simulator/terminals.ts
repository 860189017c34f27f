import { createHash } from 'node:crypto';
import { bizDate } from '../../../kernel/time.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';

/**
 * Vendors, activation codes and terminals. The gateway holds two keys of a terminal: the newest, and the one of before, which is
 * good for another check-in until the newest is used. Each key is good for its day; for a check-in it is good after that too.
 */
export type Terminals = ReturnType<typeof createTerminals>;

/** Why a request is turned away, as the gateway says it. */
export type Rejection = { readonly code: string; readonly message: string };
export const isRejection = (value: object): value is Rejection => 'code' in value && 'message' in value;

const code_days_max = 7;
const day_ms = 86_400_000;

export const md5 = (body: Buffer, key: string): string => createHash('md5').update(body).update(key).digest('hex');

export function createTerminals(world: World) {
  const put = (no: string, own: Merchant['own']): Merchant => {
    const made = { no, own };
    world.put('merchant', made);
    return made;
  };
  const today = (): string => bizDate(world.now());
  const find = (sn: string): Merchant | undefined => world.tables.merchant.get(`terminal ${sn}`);

  function enroll(): Record<string, unknown> {
    const vendor_sn = `9${world.digits(13)}`;
    const merchant_sn = `1680${world.digits(8)}`;
    const own = { vendor_key: world.hex(32), app_id: `2016${world.digits(12)}`, merchant_sn };
    put(`vendor ${vendor_sn}`, own);
    put(merchant_sn, { vendor_sn });
    return { vendor_sn, ...own, store_id: storeOf(merchant_sn), gateway_url: world.ports.base_url };
  }

  function newCode({ vendor_sn, merchant_sn }: Readonly<Record<string, unknown>>, uses = 1): string {
    const code = world.digits(8);
    put(`code ${code}`, { vendor_sn: String(vendor_sn), merchant_sn: String(merchant_sn), left: String(uses), made_ms: String(world.now_ms()) });
    return code;
  }

  /** The vendor signs; the code says for whom. */
  function activate(vendor: Merchant, { app_id, code, device_id }: Readonly<Record<string, string>>): Merchant | Rejection {
    const held = world.tables.merchant.get(`code ${code}`);
    if (!code || !device_id || !app_id) return { code: 'INVALID_PARAMS', message: 'app_id, code, device_id' };
    if (app_id !== vendor.own.app_id || held?.own.vendor_sn !== vendor.no.slice('vendor '.length))
      return { code: 'INVALID_ACTIVATION_CODE', message: '激活码无效' };
    if (world.now_ms() - Number(held.own.made_ms) > code_days_max * day_ms) return { code: 'ACTIVATION_CODE_EXPIRED', message: '激活码已过期' };
    if (Number(held.own.left) < 1) return { code: 'ACTIVATION_CODE_USED', message: '激活码已被使用' };
    put(held.no, { ...held.own, left: String(Number(held.own.left) - 1) });
    return put(`terminal 1000${world.digits(10)}`, {
      merchant_sn: held.own.merchant_sn ?? '',
      device_id,
      key: world.hex(32),
      key_day: today(),
      before: '',
    });
  }

  /** A new key; the one that signed is from now on the one of before. */
  function checkIn(terminal: Merchant, signed_by: 'key' | 'before', device_id: string | undefined): Merchant | Rejection {
    if (device_id !== terminal.own.device_id) return { code: 'INVALID_TERMINAL', message: '设备号不符' };
    // Two answers in a row were lost: what signed is gone with this roll.
    const before = terminal.own.key ?? '';
    return put(terminal.no, { ...terminal.own, before, key: world.hex(32), key_day: today(), rolled_by: signed_by });
  }

  /** Which key signed, if any. A newest key that is used ends the one of before. */
  function signerOf(terminal: Merchant, body: Buffer, sign: string): 'key' | 'before' | undefined {
    const { key = '', before = '' } = terminal.own;
    if (md5(body, key) === sign) {
      if (before !== '') put(terminal.no, { ...terminal.own, before: '' });
      return 'key';
    }
    return before !== '' && md5(body, before) === sign ? 'before' : undefined;
  }

  const isOfToday = ({ own }: Merchant): boolean => own.key_day === today();

  return { enroll, newCode, activate, checkIn, signerOf, isOfToday, find, vendor: (sn: string) => world.tables.merchant.get(`vendor ${sn}`) };
}

export const storeOf = (merchant_sn: string): string => `store-${merchant_sn}`;
