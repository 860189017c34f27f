import type { ApiRequest, Call, CallOptions } from './call.ts';
import { HeliuConnectionError } from './errors.ts';

/** One page as it came. */
export type Page<T> = { readonly data: T[]; readonly next_cursor: string | null };

/** One page of a feed that never ends: when `has_more` is false, ask again later with `next_cursor` as `after`. */
export type FeedPage<T> = { readonly data: T[]; readonly next_cursor: string; readonly has_more: boolean };
type AnyPage<T> = Page<T> | FeedPage<T>;

/**
 * A list: await it for one page, or iterate it for all of them.
 *
 *     const page = await heliu.payments.list({ limit: 50 });
 *     for await (const payment of heliu.payments.list({ state: 'paid' })) …
 *
 * Nothing is sent before one of the two is done.
 */
export type Pages<T, P extends AnyPage<T> = Page<T>> = Promise<P> & AsyncIterable<T>;

/** `cursor_name` is the query parameter that takes the `next_cursor` of the page before. */
export function listPages<T, P extends AnyPage<T> = Page<T>>(
  call: Call,
  request: ApiRequest,
  cursor_name: 'cursor' | 'after',
  options?: CallOptions,
): Pages<T, P> {
  const fetchPage = (cursor?: string) => call<P>(cursor === undefined ? request : { ...request, query: { ...request.query, [cursor_name]: cursor } }, options);
  let first: Promise<P> | undefined;
  const firstPage = () => {
    first ??= fetchPage();
    return first;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: it is a promise that begins when it is asked.
    then: (fulfilled, rejected) => firstPage().then(fulfilled, rejected),
    catch: (rejected) => firstPage().catch(rejected),
    finally: (settled) => firstPage().finally(settled),
    [Symbol.toStringTag]: 'Pages',
    [Symbol.asyncIterator]: () => eachItem(firstPage, fetchPage),
  };
}

async function* eachItem<T, P extends AnyPage<T>>(firstPage: () => Promise<P>, fetchPage: (cursor: string) => Promise<P>): AsyncGenerator<T, void, undefined> {
  let page = await firstPage();
  for (;;) {
    yield* page.data;
    const cursor = page.next_cursor;
    if (cursor === null || isLast(page)) return;
    page = await fetchPage(cursor);
    // A list that stands still would be read for ever.
    if (page.next_cursor === cursor && !isLast(page)) throw new HeliuConnectionError('unreadable_answer', 'the list gave the same cursor twice');
  }
}

const isLast = (page: AnyPage<unknown>): boolean => 'has_more' in page && !page.has_more;
