import { operations } from '@heliu/contract';
import { attacks_tested, attacks_tested_in_part, attacks_without_a_target, lesser_attacks_tested } from '../testing/attacks/cases.ts';
import { foreign_callers, operations_without_objects, refused_caller_of_bodies, refused_callers } from '../testing/callers.ts';

const groups: Readonly<Record<keyof typeof attacks_tested, string>> = {
  A: '商户 API · Merchant API',
  B: '渠道通知地址 · Channel notification endpoints',
  E: '租户隔离 · Tenant isolation',
  F: '出站与 SSRF · Egress and SSRF',
  J: '机密与供应链 · Secrets and supply chain',
};

/** The attacks that tests carry by their ids, those that have nothing to attack, and the size of the authorisation matrix. */
export function printAttacks(): string {
  const rows = Object.entries(groups).map(([group, name]) => {
    const tested = attacks_tested[group as keyof typeof attacks_tested];
    const lesser = lesser_attacks_tested.filter((id) => id.startsWith(`${group}-`));
    return `| ${group} | ${name} | ${tested.length}: ${tested.join(' ')} | ${lesser.join(' ') || '–'} |`;
  });
  const excused = [
    ...Object.entries(attacks_tested_in_part).map(([id, reason]) => `| ${id}（部分 in part） | ${reason} |`),
    ...Object.entries(attacks_without_a_target).map(([id, reason]) => `| ${id} | ${reason} |`),
  ];
  const all = Object.values(operations);
  const with_body = all.filter(({ method }) => method === 'POST').length;
  const refusals = all.length * refused_callers.length + with_body;
  const with_objects = all.length - operations_without_objects.length;
  return `## 拒绝的攻击 · Attacks refused

攻击清单中 A、B、E、F、J 各组的严重与高危用例，每例都有测试以其编号执行，凡可能写入之处并核对数据库其余部分未变；没有攻击对象的列出理由。这里只数测试，不报告某次运行；
\`npm test -- server/testing/attacks/cases.test.ts\` 核对每个编号确有测试。其他组的用例见于各自的测试，不在此计数。
The critical and high cases of groups A, B, E, F and J of the attack list: a test carries each under its id and, where anything could be written, holds that nothing else
in the database changed; what has nothing to attack says why. These are tests, counted, and no report of a run; \`npm test -- server/testing/attacks/cases.test.ts\` holds that each id has one. Cases of other
groups stand in tests of their own and are not counted here.

| | 组 Group | 严重与高危，有测试 critical and high, tested | 其余有测试 lesser, tested |
|:-:|---|---|---|
${rows.join('\n')}

| 无对象，或只有部分 No target, or only part of one | 理由 Reason |
|---|---|
${excused.join('\n')}

授权矩阵由契约生成：每个操作 × 每种调用者（\`server/testing/matrix.test.ts\`）。
The authorisation matrix is made from the contract: every operation × every kind of caller.

| | |
|---|--:|
| 契约中的操作，全部在矩阵中 operations of the contract, all of them in the matrix | ${all.length} |
| 一概被拒的调用者 callers who are always refused | ${refused_callers.length} + 1 |
| 其组合（带正文的操作另加“${refused_caller_of_bodies}”）combinations with these | ${refusals} |
| 只见得到自己的调用者 callers who see only their own | ${foreign_callers.length} |
| 其组合，限于指名对象的 ${with_objects} 个操作 combinations with these, of the operations that name objects | ${with_objects * foreign_callers.length} |
`;
}
