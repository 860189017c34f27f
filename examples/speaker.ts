// A speaker (云喇叭) in one file: hears by MQTT what was paid and says it once. 一台云喇叭：经 MQTT 收到收款事件，只播报一次。
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import mqtt from 'mqtt';

const { HELIU_URL = 'http://127.0.0.1:8080', MQTT_URL = 'mqtt://127.0.0.1:1883', PAIRING_CODE = '', STATE_FILE = 'speaker.json' } = process.env;
const stale_ms = 60_000; // Nobody wants to hear of what is long past.
const said_max = 1_000;
type TerminalEvent = { id: string; cursor: number; created_at: string; speech: string | null };
type Page = { data: TerminalEvent[]; cursor: number; has_more: boolean };
const state: { token?: string; device_id?: string; cursor?: number } = existsSync(STATE_FILE) ? JSON.parse(readFileSync(STATE_FILE, 'utf8')) : {};
/** Whole or not at all, whenever the power fails. */
function save(changes: typeof state): void {
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify(Object.assign(state, changes)), { mode: 0o600 });
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

async function ask<T>(path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json', ...(state.token ? { authorization: `Bearer ${state.token}` } : {}) };
  const answer = await fetch(`${HELIU_URL}/pos/api${path}`, { headers, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}) });
  const read = (await answer.json()) as T & { error?: { message: string } };
  if (read.error) throw new Error(read.error.message);
  return read;
}

const said = new Set<string>();
let ahead_ms = 0; // Of the server's clock before ours.
/** An event may come twice, by the push and by the feed. */
function hear({ id, created_at, speech }: TerminalEvent): void {
  if (speech === null || said.has(id)) return;
  said.add(id);
  if (said.size > said_max) said.delete([...said][0] as string);
  if (Date.now() + ahead_ms - Date.parse(created_at) <= stale_ms) console.log(speech); // A real speaker speaks here.
}

if (state.token === undefined) {
  const { token, device } = await ask<{ token: string; device: { id: string } }>('/pair', { code: PAIRING_CODE, device_name: 'Speaker 1' });
  save({ token, device_id: device.id });
}
const { token = '', device_id = '' } = state;
const client = mqtt.connect(MQTT_URL, { clientId: device_id, username: device_id, password: token });
let caught_up = false;
client.on('message', (_topic, payload) => {
  const event = JSON.parse(payload.toString()) as TerminalEvent;
  hear(event);
  // Before that, something older may still be missing.
  if (caught_up) save({ cursor: event.cursor });
});
client.on('connect', async () => {
  try {
    caught_up = false;
    ahead_ms = Date.parse((await ask<{ now: string }>('/till')).now) - Date.now();
    await client.subscribeAsync(`heliu/devices/${device_id}/speech`, { qos: 1 });
    let page: Page;
    do {
      page = await ask<Page>(`/events${state.cursor === undefined ? '' : `?after=${state.cursor}`}`);
      page.data.forEach(hear);
      save({ cursor: page.cursor });
    } while (page.has_more);
    caught_up = true;
    console.log('ready');
  } catch (error) {
    console.error((error as Error).message);
    client.reconnect(); // Connects anew, and asks again.
  }
});
client.on('error', (error) => console.error(error.message));
