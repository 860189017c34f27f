import type { Text } from './rule.ts';

/** What holds an invariant: a function, or a test by its name, and the file in which it stands. */
type Holder = readonly [file: string, name: string];

/** Invariants that no query over today's tables can answer: why, and what holds them instead. */
export const elsewhere: readonly (readonly [id: string, statement: Text, why: Text, held_by: readonly Holder[]])[] = [
  [
    'I-02',
    { zh: '渠道的每笔成功最终都入账，或作为重复、迟到款项退回', en: 'every success at the channel ends as paid, or goes back as a duplicate or late' },
    {
      zh: '须与渠道的账比较：测试与模拟以渠道模拟器的账核对；在用的系统由每日对账核对，差异即差错',
      en: "needs the channel's books: tests and simulation compare them; a system in use is held against its bills every day, and what differs is an exception",
    },
    [
      ['server/testing/invariants.ts', 'brokenTruth'],
      ['server/recon/recon.test.ts', 'CF-10 I-02: a payment that the bill proves paid is completed by itself, and the merchant is told once'],
    ],
  ],
  [
    'I-12',
    {
      zh: '渠道实际退出的钱不超过收到的，且等于我方记的成功退款',
      en: 'what the channel gave back is no more than it took, and equals the refunds that succeeded here',
    },
    { zh: '同上', en: 'the same' },
    [['server/testing/invariants.ts', 'brokenTruth']],
  ],
  [
    'I-38',
    { zh: '每个超时或 5xx 最终都有唯一的真相', en: 'each time-out or 5xx resolves to one truth' },
    { zh: '须有客户端的记录：由模拟与杀进程测试核对', en: 'needs the journal of a client: held by simulation and by the tests that kill' },
    [
      ['server/sim/journal.ts', 'brokenPromises'],
      ['server/sim/kill/verdict.ts', 'repeatSome'],
    ],
  ],
  [
    'I-39',
    { zh: '写后即可读到，在任何节点', en: 'a write is read at once, on every node' },
    { zh: '同上', en: 'the same' },
    [
      ['server/sim/journal.ts', 'readBack'],
      ['server/sim/kill/verdict.ts', 'I-39 read and then gone'],
    ],
  ],
  [
    'I-40',
    { zh: '每件工作至多一次外部效果', en: 'a job has at most one effect outside' },
    { zh: '须与渠道的账比较：由模拟核对', en: "needs the channel's books: held by simulation" },
    [
      ['server/sim/network.ts', 'watchCharge'],
      ['server/testing/invariants.ts', 'brokenTruth'],
      ['server/sim/sim.test.ts', 'I-40: writes of nodes that were overtaken are refused'],
      ['server/webhooks/deliveries/service.test.ts', 'OF-02 I-40: a node whose lease ended does not undo what another did'],
    ],
  ],
  [
    'I-44',
    { zh: '平台、账本与账单的总额一致', en: 'totals of platform, ledger and bill agree' },
    {
      zh: '每日结账时核对：平台 = 账本 = 账单 + 差错，不等则拒绝结账并说明差额',
      en: 'held at each daily close: platform = ledger = bill + exceptions, or the close is refused and says by how much',
    },
    [
      ['server/recon/days/service.ts', 'closeDay'],
      ['server/recon/recon.test.ts', 'I-43 I-44 I-45: a day that agrees matches whole, closes signed, and is not changed by being matched again'],
    ],
  ],
  [
    'I-46',
    { zh: '日志、指标与错误中没有机密与个人信息', en: 'no secret and nothing personal in logs, metrics and errors' },
    { zh: '不在数据库内：由埋入标记后全面扫描的测试核对', en: 'not in the database: held by a test that plants marks and looks for them everywhere' },
    [
      ['server/testing/canaries.test.ts', 'I-46 I-47 J-03 J-04: after a run through everything that touches a secret'],
      ['server/testing/secrets-scanner.ts', 'createScanner'],
    ],
  ],
  [
    'I-49',
    { zh: '一个节点的时钟偏一天，不改变任何资金决定', en: 'a node whose clock is a day off changes no decision about money' },
    { zh: '是一次运行的性质：由模拟核对', en: 'a property of a run: held by simulation' },
    [
      ['server/sim/seed.ts', 'trouble'],
      ['server/sim/kill/verdict.ts', 'I-49 closed as expired although no payment was old enough'],
      ['server/platform/db/time.test.ts', 'I-49 is the database\u2019s, on a machine that is a day ahead or behind'],
    ],
  ],
];
