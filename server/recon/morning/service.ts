import { bizDate } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { type Needs, type OpenKind, readNeeds, readOpenKinds } from './store.ts';

export type Morning = Needs & { readonly kinds: readonly OpenKind[] };

/** What needs a person today, of every merchant, live and test apart: those with the most at risk first. */
export async function listMorning(
  ctx: Ctx,
  { livemode, limit }: { readonly livemode?: boolean | undefined; readonly limit: number },
): Promise<readonly Morning[]> {
  const now = ctx.clock.now();
  const needs = await readNeeds(ctx, { livemode, today: bizDate(now), now, limit });
  const kinds = await readOpenKinds(ctx, [...new Set(needs.map(({ merchant_id }) => merchant_id))]);
  const of = Map.groupBy(kinds, nameOf);
  return needs.map((each) => ({ ...each, kinds: (of.get(nameOf(each)) ?? []).map(({ merchant_id: _, livemode: __, ...kind }) => kind) }));
}

const nameOf = ({ merchant_id, livemode }: { readonly merchant_id: string; readonly livemode: boolean }): string => `${livemode} ${merchant_id}`;
