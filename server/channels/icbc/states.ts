import { type Method, methods } from '@heliu/contract';

/** The bank has two families of calls, whose codes of a state contradict each other: 1 is paid in the one and failed in the other. */
export type Family = 'qr' | 'online';

/** Codes and payment codes are of the one; what a wallet's page is started with, of the other. */
export const familyOf = (method: Method): Family => (['jsapi', 'mini'].includes(methods[method].scene) ? 'online' : 'qr');

export type State = 'done' | 'waiting' | 'failed' | 'closed';

export const states_pattern = '^(done|waiting|failed|closed)=[0-9A-Za-z]{1,8}(,(done|waiting|failed|closed)=[0-9A-Za-z]{1,8}){0,15}$';

/** `waiting=0,done=1,failed=2` by code. */
export function statesOf(text: string): ReadonlyMap<string, State> {
  return new Map(text.split(',').map((pair) => pair.split('=').reverse() as [code: string, state: State]));
}
