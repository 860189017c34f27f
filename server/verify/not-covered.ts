import type { Text } from './rule.ts';

/** What an invariant says and nothing here looks at yet: plainly, so that nobody takes a rule for more than it is. */
export const not_covered: readonly (readonly [id: string, what: Text])[] = [
  [
    'I-02',
    {
      zh: '在用的系统只能凭账单得知：通知丢失而支付已关闭的迟到款项，在账单到来之前无人知晓。',
      en: 'A system in use knows by bills alone: late money of a closed payment whose notification was lost is known to nobody before the bill comes.',
    },
  ],
  [
    'I-07',
    {
      zh: '唯一索引只在一个渠道账户之内；同一交易号落在两个账户，事后由 I-07.2 发现，并不当场拒绝。',
      en: 'The unique index is of one channel account: one transaction number at two accounts is found by I-07.2 afterwards and is not refused when it is written.',
    },
  ],
  [
    'I-08',
    {
      zh: '原话是密文，查询看不出渠道答的是“已关闭”还是“查无此单”：只有不能关单的渠道才核对其时间。核对的是收到的时间，问出的时间没有存。',
      en: 'What a channel said is sealed, so no query can tell “closed” from “no such order”: the time is looked at only of channels that cannot close. It is the time of arrival; when the question was asked is not stored.',
    },
  ],
  [
    'I-25',
    {
      zh: '凭证没有逐行的摘要：停用触发器后成套改动凭证、分录与发生额的人，只有 heliu ledger replay 与事件比对才能发现。',
      en: 'A posting has no hash of its own: who disables the triggers and changes posting, entries and turnover alike is found only by heliu ledger replay, against the events.',
    },
  ],
  [
    'I-27',
    {
      zh: '逐笔手续费之和与总额手续费之差没有核对上限。付款前一分钟内设定的费率，不判断是否该用它。渠道的手续费由对账核对，不在此列。',
      en: 'No bound is held between the sum of the fees and the fee of the sum. Whether a price that was set within a minute before a payment was the right one is not judged. Fees of channels are held by reconciliation, not here.',
    },
  ],
  [
    'I-40',
    {
      zh: '被拒的过期写入只统计支付单的（heliu_stale_writes_refused_total）；Webhook 投递的租约同样有守护，但不计数。',
      en: 'Refused stale writes are counted of payments alone (heliu_stale_writes_refused_total); the leases of webhook deliveries are guarded too and not counted.',
    },
  ],
  [
    'I-43',
    {
      zh: '只及已对账之日。对账完成前一小时内才得知的成功，由次日的对账来看；七天以后才得知的，不再有对账去看，I-43.4 也不报。',
      en: 'Matched days only. A success that became known less than an hour before a matching ended is looked at by the next one; one that becomes known after seven days by none, and I-43.4 does not tell of it.',
    },
  ],
  [
    'I-48',
    {
      zh: '只有差错的步骤。密钥、渠道账户、费率与设置的更改没有审计链，也没有摘要链与库外锚点。',
      en: 'The steps of exceptions only. Changes of keys, channel accounts, prices and settings have no audit chain; there is no chain of hashes and no anchor outside the database.',
    },
  ],
  [
    'I-49',
    {
      zh: '模拟中节点的时钟会被拨动，其余不变量照样核对；没有与时钟不动的同一次运行逐笔比较。',
      en: 'Clocks of nodes are moved in simulation and everything else is held as usual; the run is not compared with the same one whose clocks stood right.',
    },
  ],
  [
    'I-50',
    {
      zh: '规则只看事件编号。内存、文件描述符与各表的行数，运行之后是否回落，由长时间测试量取而不由规则判定。',
      en: 'The rule looks at the numbering of events only. Whether memory, file descriptors and the rows of tables come back after a run is measured by the soak and judged by no rule.',
    },
  ],
];
