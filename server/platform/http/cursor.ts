import { canonicalJson, sha256 } from '../../kernel/digest.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';
import type { Caller } from '../caller.ts';

/** What a cursor belongs to: it is refused for another list, other filters or another caller. */
export type CursorScope = {
  /** Operation id: `list_payments`. */
  readonly list: string;
  readonly caller: Pick<Caller, 'merchant_id' | 'livemode'>;
  /** The filters of the query, without `limit` and the cursor itself. */
  readonly filters: Readonly<Record<string, unknown>>;
};

/** The tag finds slips, not attacks: a position only limits a query that is limited to the caller anyway. */
const tag_bytes = 9;

/** An opaque cursor for a position: the id of the last row shown, or a sequence number. */
export const writeCursor = (scope: CursorScope, position: string): string =>
  Buffer.concat([tagOf(scope, position), Buffer.from(position)]).toString('base64url');

/** Ids and numbers are all that lists stand at. Whoever knows the tag's recipe can write the rest, NUL included. */
const position_form = /^[\x21-\x7e]+$/;

/** The position that a cursor stands for. */
export function readCursor(scope: CursorScope, cursor: string, param = 'cursor'): string | Refusal {
  const bytes = Buffer.from(cursor, 'base64url');
  const position = bytes.subarray(tag_bytes).toString('utf8');
  // Compared as text: a second spelling of the same bytes is not one that we gave.
  return position_form.test(position) && writeCursor(scope, position) === cursor ? position : refuse('cursor_invalid', param);
}

const tagOf = ({ list, caller, filters }: CursorScope, position: string): Buffer =>
  sha256(canonicalJson([list, caller.merchant_id, caller.livemode, filters, position])).subarray(0, tag_bytes);

/** A page of a newest-first list. Read `limit + 1` rows; the extra one tells that there are more. */
export function pageOf<Row>(
  scope: CursorScope,
  limit: number,
  rows: readonly Row[],
  idOf: (row: Row) => string,
): { rows: readonly Row[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, next_cursor: rows.length > limit && last !== undefined ? writeCursor(scope, idOf(last)) : null };
}

/** Rows of a page where the caller does not say. */
export const page_limit = 20;
