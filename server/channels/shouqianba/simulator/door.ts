import { Problem } from '../../kit/gateway/problem.ts';
import { type RawRequest, type Received, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant } from '../../kit/gateway/world.ts';
import type { Calls, Result, Values } from './calls.ts';
import { isRejection, md5, type Rejection, type Terminals } from './terminals.ts';

/** The door: a signature over the exact bytes, values that are texts, and answers that nothing signs. */

type Signer = { readonly sn: string; readonly sign: string };

export function receive(request: RawRequest, terminals: Terminals, calls: Calls): Received {
  const [, sn = '', sign = ''] = /^(\S+) ([0-9a-f]{32})$/.exec(request.headers.authorization ?? '') ?? [];
  if (request.method !== 'POST' || !request.headers['content-type']?.startsWith('application/json')) return { reply: refused(rejections.parameter) };
  const values = readTexts(request.body);
  if (!values) return { reply: refused(rejections.parameter) };
  const signer = { sn, sign };
  if (request.path === '/terminal/activate') return atActivation(request, terminals, signer, values);
  const terminal = terminals.find(sn);
  if (!terminal || values.terminal_sn !== sn) return { reply: refused(rejections.terminal) };
  const signed_by = terminals.signerOf(terminal, request.body, sign);
  if (request.path === '/terminal/checkin') return atCheckIn(terminals, terminal, signed_by, values);
  // The key of before is good for a check-in alone, and the newest one for its day.
  if (signed_by !== 'key' || !terminals.isOfToday(terminal)) return { reply: refused(rejections.sign) };
  const call = calls(request.path, terminal, values);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  return { call: { name: call.name, run: () => businessOf(call.run), fail: troubled } };
}

function atActivation({ body }: RawRequest, terminals: Terminals, { sn, sign }: Signer, values: Values): Received {
  const vendor = terminals.vendor(sn);
  if (!vendor || md5(body, vendor.own.vendor_key ?? '') !== sign) return { reply: refused(rejections.sign) };
  return { call: { name: 'keys', run: () => keyOf(terminals.activate(vendor, values)), fail: troubled } };
}

function atCheckIn(terminals: Terminals, terminal: Merchant, signed_by: 'key' | 'before' | undefined, { device_id }: Values): Received {
  if (!signed_by) return { reply: refused(rejections.sign) };
  // As it is now: the look at the signature may have ended the key of before.
  const current = terminals.find(terminal.no.slice('terminal '.length)) ?? terminal;
  return { call: { name: 'keys', run: () => keyOf(terminals.checkIn(current, signed_by, device_id)), fail: troubled } };
}

const rejections = {
  sign: { code: 'ILLEGAL_SIGN', message: '签名错误' },
  terminal: { code: 'INVALID_TERMINAL', message: '终端错误' },
  parameter: { code: 'INVALID_PARAMS', message: '参数错误' },
} as const satisfies Record<string, Rejection>;

const said = (value: object): WireReply => textReply(JSON.stringify(value), 'application/json;charset=UTF-8');
const refused = ({ code, message }: Rejection): WireReply => said({ result_code: '400', error_code: code, error_message: message });
const business = (result: Result): WireReply => said({ result_code: '200', biz_response: result });

function businessOf(run: () => Result): Unsealed {
  try {
    const reply = business(run());
    return () => reply;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return () => refused({ code: 'INVALID_PARAMS', message: error.message });
  }
}

function keyOf(terminal: Merchant | Rejection): Unsealed {
  const reply = isRejection(terminal) ? refused(terminal) : business({ terminal_sn: terminal.no.slice('terminal '.length), terminal_key: terminal.own.key });
  return () => reply;
}

function troubled(trouble: Trouble): Unsealed {
  if (trouble === 'rate_limit') return () => textReply('', 'text/plain', 429);
  if (trouble === 'server_error') return () => said({ result_code: '500', error_code: 'UNKNOWN_SYSTEM_ERROR', error_message: '未知的系统错误' });
  const error_code = trouble === 'unlisted_code' ? 'NEVER_SEEN_BEFORE' : trouble.code;
  return () => business({ result_code: 'FAIL', error_code, error_message: '失败' });
}

/** The values of a body, all texts; undefined for anything else. */
function readTexts(body: Buffer): Values | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.values(value).every((each) => typeof each === 'string') ? (value as Values) : undefined;
  } catch {
    return undefined;
  }
}
