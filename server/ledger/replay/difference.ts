import { canonicalJson } from '../../kernel/digest.ts';
import type { Posting } from '../posting.ts';

/** A posting that is not what its event says: what would be posted now, and what is in the book. */
export type Difference = { readonly posting_id: string; readonly expected: string | null; readonly found: string | null };

/** Compares postings of events, by id. The number is not compared: facts that are no events stand between them. */
export function differencesOf(expected: readonly Posting[], found: readonly Posting[]): Difference[] {
  const by_id = new Map(found.map((posting) => [posting.id, said(posting)]));
  return expected.flatMap((posting) => {
    const [wanted, is] = [said(posting), by_id.get(posting.id) ?? null];
    return wanted === is ? [] : [{ posting_id: posting.id, expected: wanted, found: is }];
  });
}

const said = ({ no: _, fact_at, ...posting }: Posting): string => canonicalJson({ ...posting, fact_at: fact_at.toISOString() });
