import type { RefusalReason } from '@heliu/contract';

/**
 * What a response code settles. `no`: refused for good. `wait`: under way at the gateway or at the payer. `ask`: nothing; a query
 * decides. A code that no table lists is `ask`.
 */
export type CodeEntry = { readonly final: 'no'; readonly reason: RefusalReason } | { readonly final: 'wait' | 'ask' };
export type CodeTable = Readonly<Record<string, CodeEntry>>;

const no = (reason: RefusalReason, ...codes: string[]): [string, CodeEntry][] => codes.map((code) => [code, { final: 'no', reason }]);
const wait = (...codes: string[]): [string, CodeEntry][] => codes.map((code) => [code, { final: 'wait' }]);
const open = (...codes: string[]): [string, CodeEntry][] => codes.map((code) => [code, { final: 'ask' }]);
const table = (...groups: [string, CodeEntry][][]): CodeTable => Object.fromEntries(groups.flat());

/** Accepted; of an order that a query tells about, done. */
export const success_code = '00';
/** Done with a flaw: the money has moved, and a person should look. */
export const flawed_success_code = 'A6';
export const isDone = (code: string | undefined): boolean => code === success_code || code === flawed_success_code;

/** The same order number and time came before: the gateway holds the order. */
export const duplicate_code = '12';
export const not_found_code = '34';
/** Asked too often. */
export const too_often_code = '37';
/** The gateway is busy, or did not get through. */
export const busy_codes: ReadonlySet<string> = new Set(['02', '06']);
/** The original was reversed before. */
export const reversed_code = '46';
/** Debited after the time of the order: the gateway gives the money back by itself. */
export const debited_too_late_code = '42';
/** The original went back before: to a refund of ours that may be the one that did it, so a query decides. */
export const gone_back_code = '45';
/** The original is not there, or not in a state that this undoes. */
export const not_undoable_codes: ReadonlySet<string> = new Set(['35', '36', gone_back_code]);

/** The request itself, the merchant's rights and the merchant's state: whatever was asked, nothing was done. */
const request_codes: CodeTable = table(
  no('configuration_error', '10', '11', '13', '14'),
  no('merchant_restricted', '31', '92', '93', '94', '95', '96'),
  no('method_not_enabled', '32', '43'),
  no('risk_refused', '38'),
);

/**
 * A payment, in the answer to it and in the answer to a query. `03 04 05 06 99` leave it open.
 * @see https://open.unionpay.com 《平台接入接口规范-第5部分-附录》 response codes
 */
export const pay_codes: CodeTable = {
  ...request_codes,
  ...table(
    wait('03', '04', '05', '70', '83'),
    open('02', '06', '12', '34', '39', '74', '75', '99'),
    no('limit_exceeded', '33', '78', '81', '87'),
    no('payer_account_restricted', '61', '62', '63', '67', '68', '73'),
    no('insufficient_funds', '64', '90'),
    no('payer_mismatch', '66'),
    no('payment_code_invalid', '86', '88'),
    no('other', '01', '30', '40', '44', '60', '65', '69', '71', '72', '76', '77', '79', '80', '82', '84', '85', '89', '91'),
  ),
};

/** Of QR orders the gateway's own demo asks again after these two, so they settle nothing there. */
export const qr_open_codes: ReadonlySet<string> = new Set(['01', '60']);

/** 退货 and 消费撤销, in the answer to them and in the answer to a query. */
export const refund_codes: CodeTable = {
  ...request_codes,
  ...table(
    wait('03', '04', '05'),
    open('01', '02', '06', '34', '39', '99'),
    no('refund_amount_refused', '33', '36'),
    no('refund_not_allowed', '35', '45', '68'),
    no('payer_account_restricted', '61', '62', '63'),
    no('other', '60'),
  ),
};

/** What is sent after a payment, or after a hold, and is not through yet. */
export const isUnderWay = (code: string): boolean => Object.hasOwn(refund_codes, code) && refund_codes[code]?.final === 'wait';
