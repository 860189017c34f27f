import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStand, type Stand } from '@heliu/server/channels/kit/gateway/test-stand.ts';
import type { Simulator } from '@heliu/server/channels/kit/simulator.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import { simulators } from '@heliu/server/channels/simulators.ts';
import { createTestDatabase, type TestDatabase } from '@heliu/server/testing/database.ts';
import type { Io } from './io.ts';
import { heliu, type Ran } from './testing.ts';

/** A gateway that gives accounts their keys for codes. */
const channel = [...channels.values()].find(({ session }) => session)?.code ?? '';

let database: TestDatabase;
let directory: string;
let stand: Stand<unknown>;
let simulator: Simulator;
let io: Partial<Io>;

before(async () => {
  database = await createTestDatabase();
  directory = mkdtempSync(join(tmpdir(), 'heliu-cli-'));
  io = {
    cwd: directory,
    env: {
      HELIU_DATABASE_URL: database.database_url.expose(),
      HELIU_MASTER_KEY: randomBytes(32).toString('base64'),
      HELIU_MODE: 'sandbox',
      HELIU_EGRESS_ALLOW: '127.0.0.0/8',
    },
  };
  const [channel_of, maker] = [channels.get(channel), simulators.find((each) => each.channel === channel)];
  assert.ok(channel_of && maker);
  stand = await openStand(channel_of, maker.create);
  simulator = stand.simulator;
});
after(async () => {
  await stand.close();
  rmSync(directory, { recursive: true });
  await database.drop();
});

const json = (ran: Ran) => {
  assert.equal(ran.code, 0, ran.err);
  return ran.json() as Record<string, unknown> & { session?: Record<string, unknown> | null };
};

test('an account is activated with a code, shown with its key by name only, checked in, and says when it has none', async () => {
  const merchant = String(json(await heliu(['merchant', 'create', '--name', '茶馆', '--json'], io)).id);
  const settings = await simulator.enroll({ mode: 'direct', trust: 'certificate' });
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings));
  const create = ['channel-account', 'create', '--merchant', merchant, '--channel', channel, '--name', 'x', '--settings', 'settings.json', '--json'];
  const { id } = json(await heliu(create, io)) as { id?: string };
  const on = (verb: string, ...rest: string[]) => ['channel-account', verb, String(id), '--merchant', merchant, ...rest];

  assert.equal(json(await heliu(on('show', '--json'), io)).session, null);
  assert.match((await heliu(on('show'), io)).out, /session +none: activate it/);
  const early = await heliu(on('check-in'), io);
  assert.deepEqual([early.code, early.err.includes('activate it with a new code')], [2, true]);
  const empty = await heliu(on('activate', '--code', '-'), { ...io, stdin: '\n' });
  assert.deepEqual([empty.code, empty.err.includes('holds no activation code')], [2, true]);

  const code = simulator.newSessionCode?.(settings) ?? '';
  const activated = await heliu(on('activate', '--code', '-', '--json'), { ...io, stdin: `${code}\n` });
  const { session } = json(activated);
  assert.equal(session?.state, 'open');
  assert.deepEqual(Object.keys(session ?? {}), ['state', 'name', 'got_at', 'renew_at', 'problem', 'unanswered']);
  const checked = json(await heliu(on('check-in', '--json'), io)).session;
  assert.equal(checked?.name, session?.name);
  assert.notEqual(checked?.got_at, session?.got_at);

  const used = await heliu(on('activate', '--code', '-', '--lang', 'zh'), { ...io, stdin: code });
  assert.deepEqual([used.code, used.err.includes('网关拒绝：ACTIVATION_CODE_USED')], [2, true]);
  assert.ok(!used.err.includes(code), 'a code is not repeated');
});
