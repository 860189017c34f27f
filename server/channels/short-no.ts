import type { Account } from './define.ts';

/**
 * Our numbers have 32 characters: six of the merchant, then what is unique in itself. Gateways with shorter fields get the
 * latter alone; an account belongs to one merchant, so nothing is lost. An even count, as some of them want it.
 */
const merchant_length = 6;

export const shortNo = (channel_no: string): string => channel_no.slice(merchant_length);

/** Our whole number behind one that a message of this account names. */
export const fullNo = ({ merchant_code }: Pick<Account, 'merchant_code'>, short_no: string): string => `${merchant_code}${short_no}`;
