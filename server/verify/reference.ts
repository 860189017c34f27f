import { elsewhere } from './elsewhere.ts';
import { not_covered } from './not-covered.ts';
import { areas, type Rule } from './rule.ts';
import { rules } from './rules.ts';

/** `docs/reference/invariants.md`: every rule, from its declaration, and the invariants that have none. */
export function printInvariants(): string {
  const parts = (Object.keys(areas) as Rule['area'][]).map((area) => {
    const listed = rules.filter((rule) => rule.area === area);
    return `## ${areas[area].zh} · ${areas[area].en}\n\n| 编号 Rule | 级 | 类 | 不变量 Invariant | 怎么办 What to do | \`--since\` |\n|---|:-:|:-:|---|---|:-:|\n${listed.map(printRule).join('')}`;
  });
  return `${heading}\n${parts.join('\n')}\n${unanswered}${elsewhere.map(([id, statement, why, held_by]) => `| \`${id}\` | ${both(statement)} | ${both(why)} | ${held_by.map(([file, name]) => `\`${file}\` › ${name}`).join('<br>')} |\n`).join('')}\n${open}${not_covered.map(([id, what]) => `| \`${id}\` | ${both(what)} |\n`).join('')}`;
}

const both = ({ zh, en }: { readonly zh: string; readonly en: string }): string => `${cell(zh)}<br>${cell(en)}`;
const cell = (text: string): string => text.replaceAll('|', '\\|');

const printRule = ({ id, severity, class: of_class, title, remedy, since }: Rule): string =>
  `| \`${id}\` | ${severity} | ${of_class} | ${both(title)} | ${both(remedy)} | ${since === 'touched' ? '✓' : ''} |\n`;

const heading = `<!-- Generated from server/verify by "npm run gen": do not edit. -->

# 不变量 · Invariants

\`npm run heliu -- verify\` 逐条核对这些规则，测试与模拟用的也是这同一份。用法见[运维](../guides/operations.md)。

- **级**：1 资金，2 信任，3 运维。
- **类**：S 任何时刻成立；D 对运行中的系统成立，每日核对；Q 只在静止（没有故障、一切都已问过）之后成立，只在点名时核对。
- **\`--since\`**：✓ 只核对此后动过的；空白的须与全部行比较，总是核对全部。

\`npm run heliu -- verify\` holds these rules against the database; tests and simulation hold the same list. How to use it: [operations](../guides/operations.md).
Severity (级): 1 money, 2 trust, 3 operations. Class (类): S at every instant; D of a system that runs, looked at daily; Q only once faults have stopped and
everything was asked, and only when it is named. \`--since\`: ✓ looks at what was touched since; the others compare one row with all others and always look at
everything.
`;

const unanswered = `## 不由查询回答的 · Not answered by a query

| 编号 | 不变量 Invariant | 为何 Why | 由谁守住 Held by |
|---|---|---|---|
`;

const open = `## 尚未核对的 · Not covered yet

以下不变量的字面比现有的规则更宽；这里写明缺什么。
These invariants say more than what is looked at; this is what is missing.

| 编号 | 缺什么 What is missing |
|---|---|
`;
