import type { Clock } from '../../../kernel/time.ts';
import { clearingDay } from '../refund.ts';
import type { Fields } from '../sign.ts';
import type { Ledger, Merchant } from './ledger.ts';
import { messageOf, type Outcome } from './trades.ts';

/** A hold, or a step after one. */
type Entry = {
  readonly txn_type: '02' | '03' | '32' | '33';
  readonly amount_fen: number;
  readonly of: Entry | undefined;
  readonly query_id: string;
  readonly at: Date;
  readonly fields: Fields;
};

const types: ReadonlySet<string> = new Set(['02', '03', '32', '33']);
const percent_max = 115;
const days_max = 30;

/** 预授权, by payment codes alone: what a payer does with a page, an app or a shown code is not simulated, and no notification comes. In memory. */
export function createHolds(clock: Clock, ledger: Ledger) {
  const entries = new Map<string, Entry>();
  const keyOf = ({ mer_id }: Merchant, fields: Fields): string => `${mer_id} ${fields.get('orderId')} ${fields.get('txnTime')}`;
  const after = (hold: Entry, txn_type: Entry['txn_type']): boolean =>
    [...entries.values()].some((entry) => entry.of === hold && entry.txn_type === txn_type && !(txn_type === '03' && after(entry, '33')));

  /** What is wrong with a step; undefined when nothing is. */
  function wrong(txn_type: string, amount_fen: number, of: Entry | undefined): string | undefined {
    if (txn_type === '33') {
      if (of?.txn_type !== '03' || after(of, '33') || clearingDay(of.at) !== clearingDay(clock.now())) return '35';
      return amount_fen === of.amount_fen ? undefined : '36';
    }
    if (of?.txn_type !== '02' || after(of, '03') || after(of, '32') || clock.now().getTime() - of.at.getTime() > days_max * 86_400_000) return '35';
    if (txn_type === '32') return amount_fen === of.amount_fen ? undefined : '36';
    return amount_fen * 100 <= of.amount_fen * percent_max ? undefined : '36';
  }

  return {
    isOne: (fields: Fields): boolean => types.has(fields.get('txnType') ?? ''),
    take(merchant: Merchant, fields: Fields): Outcome {
      const txn_type = fields.get('txnType') as Entry['txn_type'];
      const amount_fen = Number(fields.get('txnAmt'));
      if (['orderId', 'txnTime', 'txnAmt', 'backUrl', 'channelType'].some((name) => (fields.get(name) ?? '') === '')) return { code: '13' };
      if (entries.has(keyOf(merchant, fields))) return { code: '12' };
      const of = [...entries.values()].find(({ query_id, fields: own }) => query_id === fields.get('origQryId') && own.get('merId') === merchant.mer_id);
      if (txn_type === '02') {
        const code = ledger.codes.get(fields.get('qrNo') ?? '');
        if (fields.get('txnSubType') !== '04') return { code: '10' };
        if (!code || code.used || code.behaviour !== 'pays') return { code: code ? '86' : '88' };
        ledger.saveCode({ ...code, used: true });
      } else {
        const no = wrong(txn_type, amount_fen, of);
        if (no) return { code: no };
      }
      const query_id = ledger.newQueryId(ledger.newTraceNo());
      entries.set(keyOf(merchant, fields), { txn_type, amount_fen, of, query_id, at: clock.now(), fields });
      return { code: '00', fields: { queryId: query_id } };
    },
    /** Undefined for what is no hold. */
    query(merchant: Merchant, fields: Fields): Outcome | undefined {
      const entry = entries.get(keyOf(merchant, fields));
      if (!entry) return undefined;
      const told = ['txnType', 'txnSubType', 'txnAmt', 'bizType', 'orderId', 'txnTime'].map((name) => [name, entry.fields.get(name) ?? ''] as const);
      const time = (entry.fields.get('txnTime') ?? '').slice(4);
      const own = { queryId: entry.query_id, traceTime: time, currencyCode: '156', origRespCode: '00', origRespMsg: messageOf('00') };
      return { code: '00', fields: { ...Object.fromEntries(told), ...own, ...(entry.of ? { origQryId: entry.of.query_id } : {}) } };
    },
  };
}
export type Holds = ReturnType<typeof createHolds>;
