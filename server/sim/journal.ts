import { type Answer, codeOf, type Merchant } from './merchants.ts';
import type { World } from './world.ts';

/** A write as the merchants made it, and every answer that came. */
export type Written = {
  readonly merchant: Merchant;
  readonly path: string;
  readonly body: object;
  readonly idempotency_key: string | undefined;
  readonly answers: (Answer | undefined)[];
};

/** What merchants asked and heard: held against the system in the end. */
export type Journal = {
  readonly post: (merchant: Merchant, path: string, body: object, options?: PostOptions) => Promise<Answer | undefined>;
  readonly read: (merchant: Merchant, path: string) => Promise<Answer | undefined>;
  readonly written: readonly Written[];
  readonly broken: string[];
};
type PostOptions = { readonly idempotency_key?: string | undefined; readonly node?: number };

export function createJournal(world: World): Journal {
  const { faults } = world.sim;
  const written: Written[] = [];
  const broken: string[] = [];
  /** The newest version of each payment that a merchant was answered with. */
  const seen = new Map<string, number>();

  const learn = (answer: Answer | undefined): void => {
    const { id, version } = answer?.body ?? {};
    if (answer && answer.status < 300 && typeof version === 'number') seen.set(id, Math.max(seen.get(id) ?? 0, version));
  };
  const journal: Journal = {
    written,
    broken,
    post: async (merchant, path, body, { idempotency_key, node } = {}) => {
      const write: Written = { merchant, path, body, idempotency_key, answers: [] };
      written.push(write);
      const send = async (at?: number) => {
        const answer = await world.ask(merchant, { method: 'POST', path, body, idempotency_key, node: at });
        write.answers.push(answer);
        return answer;
      };
      let answer = await send(node);
      if (faults.hit('MF-01')) {
        // The answer was lost on its way to the merchant, who asks again.
        await world.sim.sleep(faults.dice('MF-01').below(5_000));
        answer = await send();
      }
      if (idempotency_key !== undefined && answer && answer.status < 300 && faults.hit('MF-03')) await alter(write);
      learn(answer);
      if (answer && answer.status < 300 && /^\/v1\/payments\/\w+\/\w+$|^\/v1\/payments$/.test(path)) await readBack(merchant, answer.body.id);
      return answer;
    },
    read: (merchant, path) => world.ask(merchant, { method: 'GET', path }),
  };

  /** I-36: the same key with another request has no effect and is refused. */
  async function alter({ merchant, path, body, idempotency_key }: Written): Promise<void> {
    const answer = await world.ask(merchant, { method: 'POST', path, body: { ...body, metadata: { altered: 'yes' } }, idempotency_key });
    if (answer && answer.status < 300) broken.push(`I-36 an altered request under the key ${idempotency_key} was answered ${answer.status}`);
  }

  /** I-39: what was answered is seen by the next query, on whichever node. */
  async function readBack(merchant: Merchant, id: string): Promise<void> {
    const least = seen.get(id) ?? 0;
    const answer = await world.ask(merchant, { method: 'GET', path: `/v1/payments/${id}` });
    if (!answer || answer.status >= 500 || answer.status === 401 || codeOf(answer) === 'merchant_suspended') return;
    if (answer.status !== 200 || answer.body.version < least) {
      broken.push(`I-39 ${id} was answered at version ${least} and read as ${answer.status} at version ${answer.body?.version}`);
    }
  }
  return journal;
}

const kinds: Readonly<Record<string, string>> = { pay: 'payments', ref: 'refunds', whe: 'webhook_endpoints' };
const pathOf = (id: string): string => `/v1/${kinds[id.slice(0, 3)]}/${id}`;

// biome-ignore lint/suspicious/noExplicitAny: payments and refunds as they were answered
export type Found = any;
/** What was found wrong, and every payment and refund as it was read last. */
type Promises = { readonly found: readonly string[]; readonly read: ReadonlyMap<string, Found> };

/** What the merchants heard must be so for ever: I-36, I-37, I-38. Asked when all is quiet and nothing goes wrong. */
export async function brokenPromises(world: World, { written, broken }: Journal): Promise<Promises> {
  const found = [...broken];
  const finals = new Map<string, Found>();
  const last = new Map<string, Found>();
  for (const { merchant, path, body, idempotency_key, answers } of written) {
    const good = answers.filter((answer): answer is Answer => answer !== undefined && answer.status < 300);
    const texts = new Set(good.map(({ status, text }) => `${status} ${text}`));
    if (idempotency_key !== undefined && texts.size > 1) found.push(`I-36 ${idempotency_key} had ${texts.size} different replies`);
    const [first] = good;
    if (!first) continue;
    if (idempotency_key !== undefined) {
      const now = await world.ask(merchant, { method: 'POST', path, body, idempotency_key });
      if (`${now?.status} ${now?.text}` !== `${first.status} ${first.text}`)
        found.push(`I-36 ${idempotency_key} is answered otherwise now: ${now?.status} ${now?.text.slice(0, 200)}`);
    }
    const id = String(first.body.id);
    if (finals.has(id)) continue;
    const read = await world.ask(merchant, { method: 'GET', path: pathOf(id) });
    finals.set(id, read?.body);
    if (read?.status !== 200) found.push(`I-37 ${id} was answered ${first.status} and is not there`);
    else if (id.startsWith('pay') && read.body.state === 'pending') found.push(`I-38 ${id} has no final state`);
  }
  for (const write of written) if (write.path.endsWith('/cancel')) found.push(...(await brokenCancel(world, write)));
  await world.sim.sleep(600_000);
  for (const merchant of world.merchants) {
    for (const kind of ['payments', 'refunds']) for (const object of await everyOf(world, merchant, kind)) last.set(object.id, object);
  }
  for (const [id, before] of finals) {
    if (id.startsWith('whe')) continue;
    const read = last.get(id);
    if (shownWithoutVersion(read) !== shownWithoutVersion(before))
      found.push(`I-38 ${id} was read twice when all was quiet, and differed: ${JSON.stringify(before)}, then ${JSON.stringify(read)}`);
  }
  return { found, read: last };
}

/** I-37: a cancel that was answered leaves no money with the merchant, however late the payer was faster. */
async function brokenCancel(world: World, { merchant, path, answers }: Written): Promise<string[]> {
  const answered = answers.find((answer) => answer?.status === 200);
  if (!answered) return [];
  const id = path.split('/')[3] as string;
  const payment = await world.ask(merchant, { method: 'GET', path: `/v1/payments/${id}` });
  if (payment?.body?.state !== 'paid') return [];
  const refunds = await world.ask(merchant, { method: 'GET', path: `/v1/refunds?payment_id=${id}&limit=100` });
  const causes = (refunds?.body?.data ?? []).map(({ cause }: { cause: string }) => cause);
  return causes.includes('cancel') ? [] : [`I-37 ${id} was answered as cancelled, is paid, and its money stays: ${answered.text.slice(0, 200)}`];
}

/** A last question to the channel about an order that is over is a version of it, and changes nothing that its merchant sees. */
const shownWithoutVersion = (object: Found): string => JSON.stringify({ ...object, version: undefined });

/** All that a merchant has of a kind, page by page. */
async function everyOf({ ask }: World, merchant: Merchant, kind: string): Promise<Found[]> {
  const all: Found[] = [];
  for (let cursor = ''; ; ) {
    const page = await ask(merchant, { method: 'GET', path: `/v1/${kind}?limit=100${cursor}` });
    all.push(...(page?.body?.data ?? []));
    if (!page?.body?.next_cursor) return all;
    cursor = `&cursor=${encodeURIComponent(page.body.next_cursor)}`;
  }
}
