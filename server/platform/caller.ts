import type { Scope } from '@heliu/contract';

/** Who calls: established by authentication, never by a field of the request. Every query is limited to it. */
export type Caller = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly api_key_id: string;
  readonly scopes: readonly Scope[];
};
