import type { Found, Journal, Written } from './journal.ts';
import type { Answer, Ask } from './merchants.ts';
import type { Life } from './workload.ts';
import type { World } from './world.ts';

/** What merchants made of the writes that they had no answer to, once nothing went wrong any more. */
export type Resolved = {
  /** Writes without any answer but time-outs, 5xx and "still running". */
  readonly unanswered: number;
  /** Those of which a merchant could not find out what had become of them. */
  readonly unresolved: number;
  readonly broken: readonly string[];
};

/** No word on what became of the request: none at all, one of 5xx, or that its first copy is still under way. */
const isOpen = (answer: Answer | undefined): boolean => answer === undefined || answer.status >= 500 || answer.body?.error?.code === 'request_in_progress';
const isDone = (answer: Answer): boolean => answer.status < 300;

/**
 * I-38: each write that was never answered is looked up by the merchant's own number and then asked for once more. There is
 * one object or a clean refusal, and both ways say the same. Asked when all is quiet; what a repeat makes has to come to rest
 * afterwards, and is judged like every other answer.
 */
export async function resolveUnanswered(world: World, { written }: Journal): Promise<Resolved> {
  const open = written.filter(({ answers }) => answers.every(isOpen));
  const broken: string[] = [];
  let unresolved = 0;
  // Before anything is repeated: what a repeat makes is pending, and other writes may have its number.
  const pending = new Map<Written, Found>();
  for (const write of open) {
    const found = await lookUp(world, write);
    if (typeof found !== 'string' && found.object?.object === 'payment' && found.object.state === 'pending') pending.set(write, found.object);
  }
  for (const write of open) {
    const left = pending.get(write);
    const problem = left ? `its payment has no final state: ${JSON.stringify(left)}` : await problemOf(world, write, written);
    if (problem === undefined) continue;
    unresolved += 1;
    broken.push(`I-38 ${write.path} ${JSON.stringify(write.body)} was never answered, and ${problem}`);
  }
  return { unanswered: open.length, unresolved, broken };
}

/** Gives what does not fit, if anything, and keeps the answer of the repeat with the write's own. */
async function problemOf(world: World, write: Written, written: readonly Written[]): Promise<string | undefined> {
  const { merchant, path, body, idempotency_key, answers } = write;
  const before = await lookUp(world, write);
  if (typeof before === 'string') return before;
  const again = await world.ask(merchant, { method: 'POST', path, body, idempotency_key });
  if (again === undefined || isOpen(again)) return `its repeat when nothing goes wrong was answered ${shown(again)}`;
  answers.push(again);
  const after = await lookUp(world, write);
  if (typeof after === 'string') return after;
  if (isDone(again))
    return after.object?.id === again.body.id ? undefined : `its repeat was answered ${shown(again)}, and its number leads to ${after.object?.id}`;
  if (again.status === 401 || again.status === 403) return `its repeat was answered ${shown(again)}`;
  // A step on a payment that is over is refused, and the payment is as it was.
  if (!isMade(path)) return after.object?.state === before.object?.state ? undefined : `its repeat was refused and changed ${JSON.stringify(after.object)}`;
  if (after.object?.id !== before.object?.id) return `its repeat was refused and left ${after.object?.id}`;
  if (!before.object) return undefined;
  // Where another request of the merchant has the number this is the refusal that names it; otherwise it is given what it made.
  const is_taken = /_taken$/.test(String(again.body?.error?.code)) && written.some((other) => isOfNumber(other, write) && !isEqual(other.body, body));
  return is_taken ? undefined : `it made ${before.object.id}, and its repeat was answered ${shown(again)}`;
}

const isMade = (path: string): boolean => path === '/v1/payments' || path === '/v1/refunds';
const shown = (answer: Answer | undefined): string => (answer ? `${answer.status} ${answer.text.slice(0, 300)}` : 'not at all');

type Numbers = { readonly merchant_order_no?: string; readonly merchant_refund_no?: string };
const numberIn = (body: object): string | undefined => (body as Numbers).merchant_refund_no ?? (body as Numbers).merchant_order_no;
const isOfNumber = (one: Written, other: Written): boolean =>
  one.path === other.path && one.merchant === other.merchant && numberIn(one.body) === numberIn(other.body);
const isEqual = (one: object, other: object): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The object as its merchant finds it without having been told its id, where the request would have made one; a text when it does not. */
async function lookUp({ ask }: World, { merchant, path, body }: Written): Promise<{ readonly object: Found } | string> {
  const get = (url: string) => ask(merchant, { method: 'GET', path: url } satisfies Ask);
  if (path === '/v1/refunds') {
    const found = await get(`/v1/refunds?merchant_refund_no=${numberIn(body)}`);
    if (found?.status !== 200) return `its refund number was answered ${shown(found)}`;
    return found.body.data.length > 1 ? `its refund number leads to two refunds: ${shown(found)}` : { object: found.body.data[0] };
  }
  const [, , , id] = path.split('/');
  const found = await get(path === '/v1/payments' ? `/v1/payments/by-order-no/${numberIn(body)}` : `/v1/payments/${id}`);
  if (found?.status === 200) return { object: found.body };
  return path === '/v1/payments' && found?.status === 404 ? { object: undefined } : `its payment was answered ${shown(found)}`;
}

/** Merchants that never heard of their payment have its number: what they find by it is theirs as well. */
export async function findLives({ ask }: World, lives: readonly Life[]): Promise<void> {
  for (const life of lives) {
    if (life.payment_id !== undefined) continue;
    const found = await ask(life.merchant, { method: 'GET', path: `/v1/payments/by-order-no/${life.order_no}` });
    if (found?.status === 200) life.payment_id = found.body.id;
  }
}
