import { push_look_ms, terminal_events_numbers_max } from '../../../kernel/limits.ts';
import { RefusalError } from '../../../kernel/refusal.ts';
import { getMerchant } from '../../../merchants/service.ts';
import { activeTerminal } from '../../../merchants/terminals/service.ts';
import type { Ctx } from '../../../platform/ctx.ts';
import { type Broker, type Login, type Session, startBroker } from '../../../platform/mqtt/broker.ts';
import { sequenceEvents } from '../../../platform/outbox/sequencer.ts';
import type { Device } from '../device.ts';
import { authenticateDevice } from '../service.ts';
import { resultsTopic, speechTopic, type TerminalEvent, terminalEvent } from './message.ts';
import * as store from './store.ts';

export type TerminalEvents = { readonly data: readonly TerminalEvent[]; readonly cursor: number; readonly has_more: boolean };

/** The events of a device's terminal behind a cursor; without one, only the cursor of now. For who was away. */
export async function eventsAfter(ctx: Ctx, device: Device, after: number | undefined): Promise<TerminalEvents> {
  const { merchant_id, livemode, terminal_id } = device;
  if (after === undefined) return { data: [], cursor: Number(await store.lastNumber(ctx, device)), has_more: false };
  const looked = await store.lookAtBooks(ctx, [{ merchant_id, livemode, after: BigInt(after) }], [terminal_id], terminal_events_numbers_max);
  const [book] = looked.books;
  return {
    data: looked.rows.map(({ sequence, event }) => terminalEvent(device, sequence, event)),
    cursor: book ? Number(book.position) : after,
    has_more: book !== undefined && book.position < book.last,
  };
}

/** A device that is connected, and up to where it was told. */
type DeviceSession = Session & { readonly device: Device; position: bigint };

export type Push = { readonly port: number; readonly stop: () => Promise<void> };

/**
 * Tells devices by MQTT how the payments of their terminals end, wherever in the installation that became known: it follows
 * the event feed, a look at a time for all devices of the node, and only while one is connected. Nothing waits for it.
 */
export async function startPush(ctx: Ctx, port: number): Promise<Push> {
  const stopping = new AbortController();
  let following: Promise<void> | undefined;
  const broker: Broker<DeviceSession> = await startBroker(ctx, {
    port,
    authenticate: (login) => openSession(ctx, login),
    onSession: () => {
      following ??= follow().finally(() => {
        following = undefined;
      });
    },
  });

  async function follow(): Promise<void> {
    while (broker.sessions().length > 0 && !stopping.signal.aborted) {
      const told_all = await look(ctx, broker).catch((error: unknown) => {
        ctx.log.warn({ error: error instanceof Error ? error : new Error(String(error)) }, 'terminals could not be told; the next look tells them');
        return true;
      });
      if (told_all) await ctx.clock.sleep(push_look_ms, stopping.signal);
    }
  }
  return {
    port: broker.port,
    stop: async () => {
      stopping.abort();
      await broker.close();
      await following;
    },
  };
}

/** A device signs in with its id, as client and as user, and its own credential. */
async function openSession(ctx: Ctx, { client_id, username, password, address }: Login): Promise<DeviceSession | undefined> {
  try {
    const device = await authenticateDevice(ctx, `Bearer ${password}`, address);
    if (device.id !== client_id || device.id !== username) return undefined;
    const topics = [resultsTopic(device), speechTopic(device)];
    return { client_id, topics, device, position: await store.lastNumber(ctx, device) };
  } catch (error) {
    if (error instanceof RefusalError) return undefined;
    throw error;
  }
}

/** Cuts off who may not stay, then tells the others what is new. False when more waits. */
async function look(ctx: Ctx, broker: Broker<DeviceSession>): Promise<boolean> {
  const sessions = broker.sessions();
  const revoked = await store.revokedOf(
    ctx,
    sessions.map(({ device }) => device),
  );
  const staying = await Promise.all(sessions.map(async (session) => !revoked.has(session.device.id) && (await mayStay(ctx, session.device))));
  for (const [at, session] of sessions.entries()) if (!staying[at]) broker.cut(session);
  const told = sessions.filter((_, at) => staying[at]);
  if (told.length === 0) return true;

  // A speaker that is seconds late is of no use, and the one that numbers events takes its time at night.
  await sequenceEvents(ctx);
  const books = new Map<string, store.Book>();
  for (const { device, position } of told) {
    const { merchant_id, livemode } = device;
    const known = books.get(bookKey(device));
    if (known === undefined || position < known.after) books.set(bookKey(device), { merchant_id, livemode, after: position });
  }
  const terminal_ids = [...new Set(told.map(({ device }) => device.terminal_id))];
  const looked = await store.lookAtBooks(ctx, [...books.values()], terminal_ids, terminal_events_numbers_max);
  const by_terminal = Map.groupBy(told, ({ device }) => `${bookKey(device)}/${device.terminal_id}`);
  for (const row of looked.rows) {
    for (const session of by_terminal.get(`${bookKey(row)}/${row.terminal_id}`) ?? []) {
      if (row.sequence > session.position) tell(broker, session, terminalEvent(session.device, row.sequence, row.event));
    }
  }
  const ends = new Map(looked.books.map((book) => [bookKey(book), book]));
  for (const session of told) {
    const end = ends.get(bookKey(session.device))?.position ?? session.position;
    if (end > session.position) session.position = end;
  }
  return looked.books.every(({ position, last }) => position === last);
}

function tell(broker: Broker<DeviceSession>, session: DeviceSession, event: TerminalEvent): void {
  const payload = JSON.stringify(event);
  broker.send(session, resultsTopic(session.device), payload);
  if (event.speech !== null) broker.send(session, speechTopic(session.device), payload);
}

const bookKey = ({ merchant_id, livemode }: Pick<Device, 'merchant_id' | 'livemode'>): string => `${merchant_id}/${livemode ? 'live' : 'test'}`;

/** As with a request: the merchant is active and the terminal in use. Both are remembered while news of changes arrives. */
async function mayStay(ctx: Ctx, device: Device): Promise<boolean> {
  try {
    await activeTerminal(ctx, device, device.terminal_id);
    return (await getMerchant(ctx, device.merchant_id)).state === 'active';
  } catch (error) {
    if (error instanceof RefusalError) return false;
    throw error;
  }
}
