import { canonicalJson } from '../../kernel/digest.ts';
import { agent_statement_merchants_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import { isBehind, posted_within_ms } from '../../ledger/service.ts';
import { agentMerchants } from '../../merchants/agents/service.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { csvHead, csvLine } from '../files/csv.ts';
import { type Facts, growing } from '../files/service.ts';
import { writerOf } from '../files/writer.ts';
import { flushAll, openDays, readInto } from '../making/service.ts';
import { checkPeriod, type Period } from '../period.ts';
import { type Signer, signerOf } from '../signing/service.ts';
import { groupsOf, newTally, type Sums, sumsOf } from '../totals.ts';
import { type AgentEnding, type AgentLine, addUp, agentLayout, type MerchantTotals, totalsColumns, totalsRows } from './layout.ts';
import * as store from './store.ts';

/** The files of an agent's statement: all lines, the totals by merchant, channel and method, and a workbook with both. */
export const agent_files = ['csv', 'totals.csv', 'xlsx'] as const;
export type AgentFile = (typeof agent_files)[number];

export type AgentStatementInput = Period & { readonly agent_id: string; readonly livemode: boolean };

export type AgentStatement = AgentStatementInput & {
  readonly merchants: number;
  /** More may come of its days: the period was not over, or days of some merchant were not closed in reconciliation, when it was made. */
  readonly provisional: boolean;
  readonly open_days: number;
  readonly lines: number;
  readonly totals: Sums;
  readonly files: readonly ({ readonly file: AgentFile } & Facts)[];
  /** The bytes that are signed; it names each merchant with the number up to which its book was read. */
  readonly manifest: string;
  readonly signature: Buffer;
  /** SPKI DER of an Ed25519 key. */
  readonly public_key: Buffer;
};

/**
 * Makes the statement of an agent: of every merchant that belongs to it, or to an agent below it, now. Pieces of the files are given
 * away as they are made, and nothing is kept. Made again over the same books and the same tree, the files are the same to the byte.
 */
export async function makeAgentStatement(
  ctx: Ctx,
  { agent_id, livemode, from, through }: AgentStatementInput,
  take: (file: AgentFile, piece: Buffer) => Promise<void>,
): Promise<AgentStatement> {
  const made_at = ctx.clock.now();
  const period = { from, through };
  const refused = checkPeriod(period, bizDate(made_at));
  if (refused) throw new RefusalError(refused);
  const { agent, merchants: below } = await agentMerchants(ctx, agent_id, agent_statement_merchants_max);
  for (const { id: merchant_id } of below)
    if (await isBehind(ctx, { merchant_id, livemode }, addMs(made_at, -posted_within_ms))) throw new RefusalError(refuse('ledger_behind', 'agent_id'));
  const ids = below.map(({ id }) => id);
  const open = await openDays(ctx, ids, { livemode, period_from: from, period_through: through });
  const open_days = [...open.values()].reduce((sum, days) => sum + days, 0);
  const provisional = through >= bizDate(made_at) || open_days > 0;
  const up_to = await store.lastNos(ctx, ids, livemode);
  const [csv, xlsx] = (['csv', 'xlsx'] as const).map((format) =>
    growing<AgentLine, AgentEnding>(
      (out) => writerOf(format, agentLayout(provisional), out),
      (piece) => take(format, piece),
    ),
  ) as [Grown, Grown];
  const merchants: MerchantTotals[] = [];
  for (const merchant of below) {
    const sums = newTally();
    const up_to_no = up_to.get(merchant.id) ?? 0n;
    const of = { merchant_id: merchant.id, livemode, store_id: null, period_from: from, period_through: through };
    const lines =
      up_to_no === 0n
        ? 0n
        : await readInto(ctx, of, up_to_no, sums, {
            line: (line) => {
              for (const { writer } of [csv, xlsx]) writer.line({ merchant, line });
            },
            flush: () => flushAll([csv, xlsx]),
          });
    merchants.push({ merchant, up_to_no, open_days: open.get(merchant.id) ?? 0, lines, sums: sumsOf(sums), groups: groupsOf(sums) });
  }
  const totals = addUp(merchants);
  for (const file of [csv, xlsx]) await file.end({ agent, period, merchants, totals, provisional });
  const table = growing<never, undefined>(
    (out) => ({ line: () => {}, end: () => out(Buffer.from(totalsFile(totalsColumns(provisional), merchants))) }),
    (piece) => take('totals.csv', piece),
  );
  await table.end(undefined);
  const grown = { csv, xlsx, 'totals.csv': table };
  const files = agent_files.map((file) => ({ file, ...grown[file].facts() }));
  const lines = Number(merchants.reduce((sum, each) => sum + each.lines, 0n));
  const signer = await agentSigner(ctx, agent_id);
  const manifest = canonicalJson({
    agent_id,
    agent_name: agent.name,
    livemode,
    from,
    through,
    made_at: made_at.toISOString(),
    provisional,
    open_days,
    merchants: merchants.map((each) => ({
      merchant_id: each.merchant.id,
      agent_id: each.merchant.agent_id,
      up_to_no: each.up_to_no,
      open_days: each.open_days,
      lines: each.lines,
    })),
    lines,
    totals,
    files,
    signing_key_id: signer.id,
  });
  const signature = signer.sign(manifest);
  return {
    agent_id,
    livemode,
    from,
    through,
    merchants: merchants.length,
    provisional,
    open_days,
    lines,
    totals,
    files,
    manifest,
    signature,
    public_key: signer.public_key,
  };
}

type Grown = ReturnType<typeof growing<AgentLine, AgentEnding>>;

const totalsFile = (columns: ReturnType<typeof totalsColumns>, merchants: readonly MerchantTotals[]): string =>
  csvHead(columns) +
  totalsRows(merchants)
    .map((row) => csvLine(columns, row))
    .join('');

const agentSigner = (ctx: Ctx, agent_id: string): Promise<Signer> =>
  signerOf(ctx, {
    sealedAt: (id) => ({ table: 'agent_statement_keys', column: 'private_key_sealed', merchant_id: '', row: `${agent_id}/${id}` }),
    find: () => store.findKey(ctx, agent_id),
    keep: (fresh) => store.keepKey(ctx, agent_id, fresh),
  });
