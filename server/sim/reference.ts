import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulators, usual_simulators } from '../channels/simulators.ts';
import { printAttacks } from './attacks-table.ts';
import { bank } from './bugs/bank.ts';
import type { BugsSummary } from './bugs/main.ts';
import { commandOf, type Figures, type Part, type Started } from './command.ts';
import { episodes, printFaults } from './fault-table.ts';
import type { summary } from './kill/report.ts';
import { type Met, metOf, targets } from './kill/targets.ts';
import type { Report as RacesReport } from './races/run.ts';
import type { Summary as SeedsSummary } from './seeds.ts';
import type { SweepSummary } from './sweep.ts';

/** What the report of a published run may lack because it is older than its reader. */
type Published<Report> = Omit<Report, 'arguments'> & Started & Noted;
type Runs = {
  readonly seeds: Omit<Published<SeedsSummary>, 'seed' | 'further' | 'unanswered' | 'unresolved' | 'stale_writes'> &
    Partial<Pick<SeedsSummary, 'seed' | 'further' | 'unanswered' | 'unresolved' | 'stale_writes'>> & { readonly earlier?: readonly Earlier[] };
  readonly sweep: Published<SweepSummary>;
  readonly races: Published<RacesReport>;
  /** Whether it met its targets is judged anew, so that older reports are judged as well. */
  readonly kill: Omit<Published<ReturnType<typeof summary>>, 'met' | 'recovery'> & { readonly recovery: KillRecovery };
  /** `hunted`: of a report without `hunts`, the bugs that the bank had at its commit. */
  readonly bugs: Omit<Published<BugsSummary>, 'hunts'> & Partial<Pick<BugsSummary, 'hunts'>> & { readonly hunted?: readonly string[] };
};
type KillTimes = ReturnType<typeof summary>['recovery'];
/** Reports from before 2026-11-23 did not look at the rows of a killed node. */
type KillRecovery = Omit<KillTimes, 'leases'> & Partial<Pick<KillTimes, 'leases'>>;
/** Of a run that was published before: its worlds count too, each at its commit. */
type Earlier = Pick<SeedsSummary, 'commit' | 'seeds' | 'violations' | 'unknown'>;
export type KillRun = Runs['kill'];
const parts = ['seeds', 'sweep', 'races', 'kill', 'bugs'] as const satisfies readonly Part[];

const folder = join(import.meta.dirname, '..', '..', 'docs', 'reference', 'reliability');

/** The last published run of a part: its report stands in a file beside the page. */
export function readRun<P extends Part>(part: P): (Runs[P] & Figures[P]) | undefined {
  const file = join(folder, `${part}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** `docs/reference/reliability.md`: what is promised, and what the last published runs have measured of it. */
export function printReliability(): string {
  return [
    heading,
    seedsText(readRun('seeds')),
    sweepText(readRun('sweep')),
    racesText(readRun('races')),
    killText(readRun('kill')),
    printFaults({ worlds: faultsOf(readRun('seeds')), kill: readRun('kill')?.faults }),
    bugsText(readRun('bugs')),
    printAttacks(),
    commandsText(),
  ].join('\n');
}

const heading = `<!-- Generated from the runs in docs/reference/reliability by "npm run gen": do not edit. -->

# 可靠性 · Reliability

合流的承诺：没有一笔钱会丢失、翻倍或被猜测。下面是最近一次公布的运行所测得的数字；每一项都可用同一条命令和种子重跑。规则见[不变量](invariants.md)。

What Heliu promises: no money is lost, doubled or guessed. These are the figures of the last published runs; each can be run again by its command and seed. The
rules stand in [invariants](invariants.md).
`;

const none = '尚无公布的运行。No run was published.\n';
/** What whoever published a run wrote beside its figures: the conditions that one has to know to read them. */
type Noted = { readonly note?: string; readonly note_zh?: string };
const noteOf = ({ note, note_zh }: Noted): string => (note === undefined ? '' : `\n${note_zh ?? ''}\n${note}\n`);
/** With no failure in n independent worlds, the share of failing ones is below 3/n with 95 % confidence. */
const bound = (worlds: number): string => `${((3 / worlds) * 100).toPrecision(2)} %`;

/** Reports that kept no arguments are of worlds in which CF-17 was what CF-18 is, under another id. */
function faultsOf(run: Runs['seeds'] | undefined): Readonly<Record<string, number>> | undefined {
  if (!run || run.arguments) return run?.faults;
  return { ...run.faults, 'CF-17': 0, 'CF-18': (run.faults['CF-17'] ?? 0) + (run.faults['CF-18'] ?? 0) };
}

/** Reports that do not name further ones are of worlds with the two wallets alone. */
function gatewaysOf({ further }: Runs['seeds']): string {
  const usual = usual_simulators.map(({ channel }) => `\`${channel}\``).join(' ');
  if (!further) return `${usual}（${simulators.length} 个中的 2 个 two of ${simulators.length}）`;
  const counted = Object.entries(further).map(([channel, worlds]) => `\`${channel}\` ${worlds}`);
  return `${usual}，另加其一 and one of: ${counted.join(', ')}`;
}

function seedsText(run: Runs['seeds'] | undefined): string {
  const title = '## 确定性模拟 · Deterministic simulation\n';
  if (!run) return `${title}\n${none}`;
  return `${title}
多个节点、商户、付款人与攻击者，真实的渠道模拟器与真实的 SQL，虚拟时间，任意处崩溃；然后止住故障、收敛、与渠道自己的账核对。
Several nodes, merchants, payers and attackers, the real gateways and real SQL, virtual time, crashes anywhere; then faults stop, all settles, and the books are
held against the gateways' own.

| | |
|---|--:|
| 提交 commit | \`${run.commit}\` |
| 世界 worlds | ${run.seeds} |
| 渠道 gateways | ${gatewaysOf(run)} |
| 支付 payments at the gateways | ${run.payments} |
| 退款 refunds | ${run.refunds} |
| 渠道通知 notifications | ${run.notifications} |
| Webhook webhooks | ${run.webhooks} |
${unansweredRow(run)}${staleRow(run)}| 虚拟小时 virtual hours | ${run.virtual_hours} |
| 违反 violations | ${run.violations} |
| 未能判定 verdicts not known | ${run.unknown} |
| 重放一致 repeated to the letter | ${run.hashes_repeated} / ${run.repeated} |
| 收敛 converged within (virtual) | p50 ${run.converge_s.p50} s, p99 ${run.converge_s.p99} s, max ${run.converge_s.max} s |
| 每个世界的处理器时间 processor time of a world | ${run.cpu_seconds_per_seed} s |
${(run.earlier ?? []).map(earlierRow).join('')}${run.violations + run.unknown === 0 ? `| 失败率上界（95 %）failing worlds, upper bound | ${bound(run.seeds)} |\n` : ''}
一个世界的时间约四成用于进程内的 PostgreSQL（WebAssembly，约四千条语句），其余是 HTTP、签名与事件循环；同一台机器上别的工作会使它变长。
Some four tenths of a world's time go to PostgreSQL in the process (WebAssembly, some four thousand statements), the rest to HTTP, signatures and the turns of the event
loop; other work on the same machine lengthens it.

关单之后才到账、其通知又丢失的钱，要到收入当日账单时才知道：那时入账为迟到款并按商户的政策退回或接受。没有账单的渠道关单后再查询三次（30 分钟后、有效期后 6 与 26 小时），更晚的只能由人在渠道后台发现。世界在收入账单时才有这种钱，只在有账单的渠道。
Money that comes after the close, and whose notification is lost as well, is not known of before the bill of that day is taken in: it is then late money, and goes back or is
accepted as the merchant has it. A channel without bills is asked three times more (30 minutes after the close, 6 and 26 hours after the payment's time); what comes later only a person in its own back office finds. Worlds have such money where they come to their bills, at the channels that have them.
${noteOf(run)}`;
}

/** Reports from before 2026-11-23 did not ask what had become of them. */
const staleRow = ({ stale_writes }: Partial<Pick<SeedsSummary, 'stale_writes'>>): string =>
  stale_writes === undefined ? '' : `| 被拒的过期写入 stale writes refused | ${stale_writes} |\n`;

const unansweredRow = ({ unanswered, unresolved }: Partial<Pick<SeedsSummary, 'unanswered' | 'unresolved'>>): string =>
  unanswered === undefined ? '' : `| 从未获应答的写入，其中未能查明 writes never answered, of which not found out | ${unanswered}, ${unresolved} |\n`;

const earlierRow = ({ commit, seeds, violations, unknown }: Earlier): string =>
  `| 此前 before, \`${commit}\` | ${seeds} 个世界 worlds，${violations} 违反 violations，${unknown} 未判定 not known |\n`;

function sweepText(run: Runs['sweep'] | undefined): string {
  const title = '## 逐点崩溃 · Crash sweep\n';
  if (!run) return `${title}\n${none}`;
  return `${title}
每个典型场景在每个让出点上崩溃，${run.ways === 1 ? '三种方式轮流取一' : '三种方式都试'}：效果之前、之后、之后而应答丢失。
Each golden scenario crashes at each of its yield points, in ${run.ways === 1 ? 'one of three ways by turns' : 'each of three ways'}: before the effect, after it, and after it with the answer lost.

| | |
|---|--:|
| 提交 commit | \`${run.commit}\` |
| 场景 scenarios | ${run.scenarios} |
| 崩溃点 yield points hit | ${run.points_hit} / ${run.points_existing} |
| 运行 runs | ${run.runs} |
| 违反 violations | ${run.violations} |
| 未能判定 not known | ${run.unknown} |
`;
}

function racesText(run: Runs['races'] | undefined): string {
  const title = '## 竞争 · Races\n';
  if (!run) return `${title}\n${none}`;
  return `${title}
两个节点在真实 PostgreSQL 上对同一笔支付各做一件事，逐条语句交错。
Two nodes do one thing each to one payment on real PostgreSQL, one statement at a time.

| | |
|---|--:|
| 提交 commit | \`${run.commit}\` |
| 命令对 pairs of commands | ${run.pairs} |
| 交错 schedules | ${run.schedules} |
| 不同的次序 distinct orders | ${run.distinct_orders} |
| 等待锁 waited for a lock | ${run.blocked} |
| 死锁 deadlocks | ${run.deadlocks} |
| 违反 violations | ${run.violations} |
`;
}

function killText(run: Runs['kill'] | undefined): string {
  const title = '## 黑盒 · Black box\n';
  if (!run) return `${title}\n${none}`;
  const { alone, amid_other_faults } = run.recovery.heliu;
  const of = (times: typeof alone) => (times ? `p50 ${times.p50_ms} ms, p95 ${times.p95_ms} ms, max ${times.max_ms} ms` : '–');
  const met = metOf(run);
  const idOf = (name: string) => episodes.find((episode) => episode.name === name)?.id ?? '';
  const rows = Object.entries({ ...run.faults, ...run.skipped }).map(([name, count]) => `| \`${idOf(name)}\` | \`${name}\` | ${count} |`);
  return `${title}
真实进程、真实套接字，负载之下随机 kill -9、停顿、断线、满盘、改钟。
Real processes and sockets; under load they are killed, stopped, cut off, out of disk and out of time.

| | |
|---|--:|
| 提交 commit | \`${run.commit}\` |
| kill -9 Heliu | ${run.kills.heliu} |
| kill -9 PostgreSQL | ${run.kills.database} |
| 支付 payments | ${run.payments} |
| 退款 refunds | ${run.refunds} |
| 已确认的写入 acknowledged writes | ${run.acknowledged} |
| **已确认而丢失 acknowledged and lost** | **${run.lost}** |
| **翻倍 doubled** | **${run.doubled}** |
| **悬而未决 unresolved** | **${run.unresolved}** |
| 违反 violations | ${run.violations.length} |
| 重启到首单 first order after a node's restart | ${of(alone)}${targetText(targets.first_order_ms_max, met.first_order_after_kill)} |
| 同上，另有故障 the same amid other faults | ${of(amid_other_faults)} |
| 被杀节点所占的行全被接手 rows of a killed node taken up again | ${leasesText(run.recovery, of)}${targetText(targets.leases_ms_max, met.leases_recovered_after_kill)} |
| 数据库恢复 PostgreSQL's own recovery | ${of(run.recovery.postgres.alone)} |
| 数据库恢复到首单 first order after that | ${of(run.recovery.heliu_after_postgres.alone)}${targetText(targets.first_order_after_postgres_ms_max, met.first_order_after_postgres)} |${rollingRow(run.rolling_restarts, met)}
| 未进行的段落 episodes that were skipped | ${Object.keys(run.skipped).length} |

| 故障 Fault | 段落 Episode | 次数 Times |
|---|---|--:|
${rows.join('\n')}
${noteOf(run)}`;
}

/** What was measured of it alone, or else amid other faults; of how many rows. */
function leasesText({ leases }: KillRecovery, of: (times: KillTimes['heliu']['alone']) => string): string {
  if (!leases) return '–';
  const amid = leases.alone === null && leases.amid_other_faults !== null ? `；另有故障 amid other faults ${of(leases.amid_other_faults)}` : '';
  const left = leases.unrecovered > 0 ? `；**未接手 not taken up after ${leases.unrecovered}**` : '';
  return `${of(leases.alone)}${amid}（${leases.rows} 行 rows）${left}`;
}

/** The target of a time beside it, and whether it was met. */
const targetText = (ms_max: number, is_met: boolean | null): string => `；目标 target ≤ ${ms_max} ms：${verdictText(is_met)}`;
const verdictText = (is_met: boolean | null): string => (is_met === null ? '未测 not measured' : is_met ? '达到 met' : '**未达到 not met**');

/** L-17: of the requests that came while each node was stopped and started in turn, those that had an answer other than the wanted one. */
function rollingRow({ count, refused, answers }: Runs['kill']['rolling_restarts'], { none_refused_while_restarting }: Met): string {
  if (count === 0) return '';
  const which = Object.entries(answers).map(([answer, times]) => `${times} \`${answer}\``);
  return `\n| 滚动重启，其间未得所求 rolling restarts, requests refused meanwhile | ${count}, ${refused}${which.length > 0 ? ` (${which.join(', ')})` : ''}；目标 target ≤ ${targets.refused_max}：${verdictText(none_refused_while_restarting)} |`;
}

function bugsText(run: Runs['bugs'] | undefined): string {
  const title = '## 植入的缺陷 · Planted bugs\n';
  const rows = bank.map(({ id, file, harm, noticed_by, seen_at }) => {
    const by = noticed_by === 'seeds' ? '模拟 seeds' : `\`${noticed_by.file.split('/').at(-1)}\``;
    const seen = seen_at ? ` ([${seen_at.name}](${seen_at.url}))` : '';
    return `| \`${id}\` | ${harm}${seen} | \`${file}\` | ${by} | ${run ? noticedIn(run, id) : '–'} |`;
  });
  return `${title}
${run ? `${run.noticed} / ${run.bugs} 被发现 noticed; 种子数中位数 median seeds needed ${run.median_seeds ?? '–'}; 提交 commit \`${run.commit}\`.\n` : none}
✓：该次运行发现了它，其后是所用的种子数。链接指向别的平台公开有过的同一缺陷。
✓: that run noticed it, and after how many seeds. A link leads to where another platform has had the same bug in public.

| | 危害 Harm | 位置 Place | 由谁发现 Noticed by | |
|---|---|---|---|:-:|
${rows.join('\n')}
`;
}

/** A bug that came into the bank after the run was noticed by nobody yet. */
function noticedIn({ hunts, hunted, missed }: Runs['bugs'], id: string): string {
  const hunt = hunts?.find((each) => each.id === id);
  if (hunt) return hunt.noticed ? `✓ ${hunt.seeds ?? ''}`.trimEnd() : '✗';
  if (!hunted?.includes(id)) return '此后加入 added since';
  return missed.includes(id) ? '✗' : '✓';
}

function commandsText(): string {
  const rows = parts.map((part) => `| \`${part}.json\` | ${again(part)} |`);
  return `## 重跑 · Run it again

各次运行的命令，依其 JSON 所记的参数；未记下参数的早先运行，由其结果推得，推不出的选项另行列出。把一次运行的 JSON 存为 \`docs/reference/reliability/\` 中的同名文件，再执行
\`npm run gen\`，即更新本页。
The command of each run, by the arguments that its JSON keeps; where an earlier run kept none, as far as its figures tell them, and with the options that they do
not tell. Keep the JSON of a run under its name in \`docs/reference/reliability/\` and run \`npm run gen\`: that renews this page.

| | 命令 Command |
|---|---|
${rows.join('\n')}
`;
}

function again<P extends Part>(part: P): string {
  const run = readRun(part);
  if (!run) return none.trim();
  const { command, unknown } = commandOf(part, run);
  return `\`${command}\`${unknown === undefined ? '' : `<br>未记下的选项 options not kept: \`${unknown}\``}`;
}
