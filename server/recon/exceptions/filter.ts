import type { listReconExceptions, QueryOf } from '@heliu/contract';
import { channels } from '../../channels/registry.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';
import type { ExceptionFilter } from './store.ts';

type Asked = Omit<QueryOf<typeof listReconExceptions>, 'cursor' | 'limit'>;

/** What a request asks for, or which field of it is none. `owner` is `none` for what is nobody's. */
export function filterOf({ owner, opened_before, at_risk_from_fen, ...asked }: Asked): Omit<ExceptionFilter, 'merchant_id' | 'limit'> | Refusal {
  const { channel, biz_date, from, to } = asked;
  if (channel !== undefined && !channels.has(channel)) return wrong('channel', 'a channel that there is', '须为已有的渠道');
  if (biz_date !== undefined && (from !== undefined || to !== undefined))
    return wrong(from === undefined ? 'to' : 'from', 'biz_date, or from and to', '与 biz_date 不能同用');
  if (from !== undefined && to !== undefined && to < from) return wrong('to', 'a day not before from', '不早于 from 的日期');
  return {
    ...asked,
    ...(owner === undefined ? {} : { owner: owner === 'none' ? null : owner }),
    opened_before: opened_before === undefined ? undefined : new Date(opened_before),
    at_risk_from_fen: at_risk_from_fen === undefined ? undefined : BigInt(at_risk_from_fen),
  };
}

const wrong = (param: string, expected: string, expected_zh: string): Refusal => refuse('parameter_invalid', param, { expected, expected_zh });
