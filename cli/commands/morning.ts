import { exception_kinds } from '@heliu/contract';
import { systemClock } from '@heliu/server/platform/clock.ts';
import { listMorning } from '@heliu/server/recon/morning/service.ts';
import { type Cli, show, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { table, yuan } from '../output.ts';

export type MorningOptions = { readonly live?: boolean; readonly account?: string; readonly from?: string; readonly to?: string; readonly limit: number };

/** `recon status` without a merchant: what needs a person today, merchant by merchant, and then kind by kind. */
export function showMorning(cli: Cli, { live, account, from, to, limit }: MorningOptions): Promise<void> {
  if (account !== undefined || from !== undefined || to !== undefined)
    throw new UsageError(cli.say('--account, --from and --to go with --merchant', '--account、--from、--to 须与 --merchant 同用'));
  return withNode(cli, async (ctx) => {
    const found = await listMorning(ctx, { livemode: live === true ? true : undefined, limit: limit + 1 });
    if (found.length > limit) cli.io.err(cli.say(`there are more than these ${limit}: see --limit\n`, `不止这 ${limit} 条，见 --limit\n`));
    const rows = found.slice(0, limit);
    const json = rows.map(({ livemode, at_risk_fen, kinds, ...row }) => ({
      ...row,
      mode: modeOf(livemode),
      at_risk_fen: Number(at_risk_fen),
      kinds: kinds.map((each) => ({ ...each, at_risk_fen: Number(each.at_risk_fen) })),
    }));
    const ofDays = rows.map((row) => ({
      merchant: row.merchant_code,
      name: row.merchant_name,
      mode: modeOf(row.livemode),
      missing_bills: row.missing_bills,
      unmatched_days: row.unmatched_days,
      unclosed_days: row.unclosed_days,
      first_unclosed: row.first_unclosed,
      open: row.open_exceptions,
      at_risk: yuan(Number(row.at_risk_fen)),
      oldest_h: row.oldest_at && hoursSince(row.oldest_at),
    }));
    const ofKinds = rows.flatMap((row) =>
      row.kinds.map(({ kind, count, at_risk_fen, oldest_at }) => ({
        merchant: row.merchant_code,
        mode: modeOf(row.livemode),
        kind: cli.say(kind, exception_kinds[kind][1]),
        open: count,
        at_risk: yuan(Number(at_risk_fen)),
        oldest_h: hoursSince(oldest_at),
      })),
    );
    show(cli, json, () => [table(ofDays), table(ofKinds)].filter((text) => text !== '').join('\n'));
  });
}

const modeOf = (livemode: boolean): string => (livemode ? 'live' : 'test');
const hoursSince = (at: Date): number => Math.max(0, Math.floor((systemClock.now().getTime() - at.getTime()) / 3_600_000));
