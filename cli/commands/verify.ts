import { parseRfc3339 } from '@heliu/server/kernel/time.ts';
import { systemClock } from '@heliu/server/platform/clock.ts';
import { ConfigError } from '@heliu/server/platform/config.ts';
import type { Rule, Violation } from '@heliu/server/verify/rule.ts';
import { rules, rulesNamed } from '@heliu/server/verify/rules.ts';
import { type Report, type RuleResult, verify } from '@heliu/server/verify/verify.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, listOf } from '../cli.ts';
import { withDatabase } from '../database.ts';
import { UsageError } from '../failures.ts';
import { printable } from '../output.ts';

type VerifyOptions = { readonly since?: Date; readonly rule?: readonly string[] };

/** What `verify` ends with. Wrong use ends with 2 as well, a wrong configuration with 5: the books were not looked at. */
const verify_exit_codes = { holds: 0, violated: 1, unfinished: 2 } as const;

/** `verify` */
export function addVerifyCommand(program: Command, cli: Cli): void {
  const { say } = cli;
  program
    .command('verify')
    .description(
      say(
        'hold every invariant against the database, read only; it may be at work, or be a standby',
        '以只读方式按全部不变量核对数据库；可在运行中的库或备库上执行',
      ),
    )
    .option('--since <time>', say('only what was touched since: 24h, 7d, or a time (RFC 3339)', '只核对此后动过的：24h、7d，或时刻（RFC 3339）'), readSince)
    .option('--rule <names>', say('only these: I-11, or I-11.2,I-29', '只核对这些：I-11，或 I-11.2,I-29'), listOf)
    .addHelpText('after', `\n${say('Exit codes: 0 every rule holds, 1 violations, 2 could not finish.', '退出码：0 全部成立，1 有违反，2 未能完成。')}`)
    .action((options: VerifyOptions) => verifyDatabase(cli, options));
}

async function verifyDatabase(cli: Cli, { since, rule: names }: VerifyOptions): Promise<void> {
  const held = names ? names.flatMap((name) => named(cli, name)) : rules.filter((rule) => rule.class !== 'Q');
  const printer = createPrinter(cli);
  try {
    const report = await withDatabase(cli, 'heliu-verify', ({ kysely: db }) =>
      verify({ clock: systemClock, db }, { rules: held, since, onViolation: printer.violation, onRule: printer.rule }),
    );
    printer.summary(report, since);
    const unfinished = report.results.some(({ state }) => state === 'unknown');
    const violated = report.results.some(({ violations }) => violations > 0);
    cli.endWith(unfinished ? verify_exit_codes.unfinished : violated ? verify_exit_codes.violated : verify_exit_codes.holds);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) throw error;
    const { message, code } = error as { readonly message?: string; readonly code?: string };
    printer.failure(message || code || String(error));
    cli.endWith(verify_exit_codes.unfinished);
  }
}

function named(cli: Cli, name: string): readonly Rule[] {
  const found = rulesNamed(name);
  if (found.length === 0)
    throw new UsageError(cli.say(`there is no rule ${name}: see docs/reference/invariants.md`, `没有规则 ${name}：见 docs/reference/invariants.md`));
  return found;
}

/** Rows are written out as they are found: there may be more of them than fit into memory. */
function createPrinter(cli: Cli) {
  const { io, say, lang } = cli;
  const line = (value: object): void => io.out(`${JSON.stringify(value, plainBigints)}\n`);
  const of = ({ id, severity, title, remedy }: Rule) => ({ rule: id, severity, title: title[lang], remedy: remedy[lang] });
  let last: Rule | undefined;
  return {
    violation: (rule: Rule, row: Violation): void => {
      if (cli.asJson()) {
        line({ ...of(rule), row });
        return;
      }
      if (rule !== last) io.out(headingOf(cli, rule));
      last = rule;
      io.out(`  ${Object.entries(row).map(field).join('  ')}\n`);
    },
    rule: ({ rule, state, problem }: RuleResult): void => {
      if (state !== 'unknown' || cli.asJson()) return;
      io.out(`${rule.id}  ${say('could not be finished, so it is not known whether it holds:', '未能完成，是否成立不得而知：')} ${printable(problem ?? '')}\n`);
    },
    failure: (problem: string): void => {
      if (cli.asJson()) io.err(`${JSON.stringify({ error: { code: 'unfinished', message: problem } })}\n`);
      else io.err(`${say('The books could not be verified: ', '未能核对：')}${printable(problem)}\n`);
    },
    summary: ({ results, ms }: Report, since: Date | undefined): void => {
      const count = (state: RuleResult['state']) => results.filter((result) => result.state === state).length;
      const violations = results.reduce((sum, result) => sum + result.violations, 0);
      if (cli.asJson()) {
        const each = results.map((result) => ({
          rule: result.rule.id,
          state: result.state,
          violations: result.violations,
          ms: Math.round(result.ms),
          problem: result.problem,
        }));
        line({
          summary: {
            rules: results.length,
            holds: count('holds'),
            violated: count('violated'),
            unknown: count('unknown'),
            violations,
            ms: Math.round(ms),
            since,
            results: each,
          },
        });
        return;
      }
      const seconds = (ms / 1000).toFixed(1);
      const what = since ? say(`touched since ${since.toISOString()}, `, `核对 ${since.toISOString()} 之后动过的，`) : '';
      io.out(
        say(
          `${what}${results.length} rules: ${count('holds')} hold, ${count('violated')} violated by ${violations} rows, ${count('unknown')} unknown; ${seconds} s\n`,
          `${what}${results.length} 条规则：${count('holds')} 条成立，${count('violated')} 条被 ${violations} 行违反，${count('unknown')} 条不明；用时 ${seconds} 秒\n`,
        ),
      );
    },
  };
}

const headingOf = ({ say, lang }: Cli, { id, severity, title, remedy }: Rule): string =>
  `${id}  ${say(`severity ${severity}`, `${severity} 级`)}  ${title[lang]}\n  ${say('What to do: ', '怎么办：')}${remedy[lang]}\n`;

const field = ([name, value]: readonly [string, unknown]): string => {
  const text = value instanceof Date ? value.toISOString() : Buffer.isBuffer(value) ? value.toString('hex') : String(value ?? '-');
  return `${name}=${printable(text)}`;
};

/** Amounts and counts are far below 2^53. */
const plainBigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

const units_ms: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function readSince(text: string): Date {
  const [, amount, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const at = amount === undefined ? parseRfc3339(text) : new Date(systemClock.now().getTime() - Number(amount) * (units_ms[unit] as number));
  if (!at) throw new InvalidArgumentError('it must be like 24h, 7d, or a time such as 2027-01-31T08:00:00+08:00');
  return at;
}
