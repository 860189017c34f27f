import type { CalendarDay } from '@heliu/server/settlement/arrival/arrival.ts';
import { isArranged } from '@heliu/server/settlement/arrival/arrival.ts';
import { confirmYear, readYear, setCalendarDays } from '@heliu/server/settlement/service.ts';
import type { Command } from 'commander';
import { type Cli, readText, show, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table } from '../output.ts';

/** `calendar …` */
export function addCalendarCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const calendar = program
    .command('calendar')
    .description(say('days that channels work or not, for the expected arrival', '渠道的工作日与假日，用于推算到账日'));
  calendar
    .command('show <year>')
    .description(say('the days of a year that are not what their weekday is, and whether they are confirmed', '某年的调休与假日，及是否已确认'))
    .option('--all', say('every day of the year', '列出全年每一天'))
    .action((year: string, { all }: { all?: boolean }) =>
      withNode(cli, async (ctx) => {
        const days = (await readYear(ctx, year)).filter((day) => all === true || isArranged(day));
        show(cli, days, () => table(days.map((day) => rowOf(cli, day))));
      }),
    );
  calendar
    .command('import <file>')
    .description(
      say('take in days from a file: "2027-02-06 holiday" or "2027-02-14 workday", one a line', '由文件导入：每行如 2027-02-06 holiday 或 2027-02-14 workday'),
    )
    .option('--unconfirmed', say('they are not certain yet', '尚未确认'))
    .action((file: string, { unconfirmed }: { unconfirmed?: boolean }) =>
      withNode(cli, async (ctx) => {
        const days = readDays(cli, await readText(cli, file), unconfirmed !== true);
        await setCalendarDays(ctx, days);
        show(cli, days, () => table(days.map((day) => rowOf(cli, day))));
      }),
    );
  calendar
    .command('confirm <year>')
    .description(say('say that a year as it is shown was compared with the notice of the State Council', '确认某年的安排已与国务院办公厅通知核对'))
    .action((year: string) =>
      withNode(cli, async (ctx) => {
        const days = await confirmYear(ctx, year);
        const row = { year, days: days.length, arranged: days.filter(isArranged).length, confirmed: true };
        show(cli, row, () => record(row));
      }),
    );
  calendar
    .command('set <date> <day>')
    .description(say('say that a day is a workday or a holiday', '设定某日为 workday（工作日）或 holiday（假日）'))
    .option('--unconfirmed', say('it is not certain yet', '尚未确认'))
    .action((date: string, day: string, { unconfirmed }: { unconfirmed?: boolean }) =>
      withNode(cli, async (ctx) => {
        if (!isChoice(day)) throw new UsageError(say('a day is a workday or a holiday', '须为 workday 或 holiday'));
        const row = { date, working: day === 'workday', confirmed: unconfirmed !== true };
        await setCalendarDays(ctx, [row]);
        show(cli, row, () => record(row));
      }),
    );
}

const isChoice = (text: string | undefined): text is 'workday' | 'holiday' => text === 'workday' || text === 'holiday';

/** Blank or comma between day and word; `#` begins a remark. One wrong line refuses the file. */
function readDays({ say }: Cli, text: string, confirmed: boolean): CalendarDay[] {
  const days: CalendarDay[] = [];
  for (const [at, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    const [date = '', day, ...more] = line.split(/[\s,]+/);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || !isChoice(day) || more.length > 0)
      throw new UsageError(say(`line ${at + 1}: it must be like "2027-02-06 holiday"`, `第 ${at + 1} 行：须如 2027-02-06 holiday`));
    days.push({ date, working: day === 'workday', confirmed });
  }
  if (days.length === 0) throw new UsageError(say('the file has no days', '文件中没有日期'));
  return days;
}

const rowOf = ({ say }: Cli, { date, working, confirmed }: CalendarDay) => ({
  date,
  [say('day', '类别')]: working ? say('workday', '工作日') : say('holiday', '假日'),
  [say('confirmed', '已确认')]: confirmed ? say('yes', '是') : say('no', '否'),
});
