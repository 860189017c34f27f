import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import type { AnyFaultId } from '../faults.ts';
import type { Dice } from './dice.ts';
import type { Journal } from './journal.ts';
import type { Killed, Recovery } from './leases.ts';
import type { Merchant } from './merchant.ts';
import type { Stage } from './stage.ts';
import { refusal } from './versions.ts';

/** What a fault may use, and where it writes what it measured. */
export type Scene = {
  readonly stage: Stage;
  readonly merchant: Merchant;
  readonly journal: Journal;
  readonly dice: Dice;
  /** No fault lasts longer than this. */
  readonly longest_ms: number;
  readonly measures: Measures;
  /** True when another fault was there at any time since the mark. */
  readonly disturbedSince: (mark: number) => boolean;
  readonly mark: () => number;
  /** Goes on beside everything else until what the killed node had is another's, or until the campaign is over. */
  readonly followLeases: (killed: Killed, mark: number) => void;
};

export type Measure = { readonly ms: number; readonly disturbed: boolean };
export type Measures = {
  /** From `kill -9` of a node to the first order that this node acknowledged. */
  readonly heliu: Measure[];
  /** Of what a killed node had claimed; none of one that had nothing. */
  readonly leases: Recovery[];
  /** From `kill -9` of the postmaster until PostgreSQL answered. */
  readonly postgres: Measure[];
  /** From then to the first order that Heliu acknowledged. */
  readonly after_postgres: Measure[];
  /** Restarts of all nodes one after the other, and requests that were refused meanwhile. */
  readonly rolling: { readonly ms: number; readonly refused: readonly string[] }[];
};

/** What one episode holds for itself; episodes on different parts overlap. */
export type Part = 'kills' | 'database' | 'gateways' | 'receiver' | 'node 1' | 'node 2';

export type Fault = {
  readonly name: string;
  /** Of reliability.md §3.3 and §3.2, and of the merchants' faults of the worlds. */
  readonly id: AnyFaultId;
  readonly parts: readonly Part[];
  /** Why it cannot be done here. */
  readonly missing?: (stage: Stage) => string | undefined;
  /** The whole episode: breaks it, waits, mends it. */
  readonly strike: (scene: Scene) => Promise<void>;
};

const least_ms = 500;
const lasting = ({ dice, longest_ms }: Scene, most_ms = 10_000) => setTimeout(dice.between(least_ms, Math.max(least_ms, Math.min(most_ms, longest_ms))));

export const kill_heliu: Fault = {
  name: 'kill_heliu',
  id: 'OF-01',
  parts: ['kills'],
  strike: async ({ stage, merchant, dice, measures, mark, disturbedSince, followLeases }) => {
    const node = dice.pick(stage.nodes);
    const start = mark();
    const killed_ms = performance.now();
    const at = new Date();
    followLeases({ owner: await node.kill(), at_ms: killed_ms, at }, start);
    await node.start();
    await merchant.createAt(node.url);
    measures.heliu.push({ ms: performance.now() - killed_ms, disturbed: disturbedSince(start) });
  },
};

export const kill_database: Fault = {
  name: 'kill_database',
  id: 'OF-04',
  parts: ['kills', 'database'],
  strike: async ({ stage, merchant, dice, measures, mark, disturbedSince }) => {
    const start = mark();
    // Looked after and killed alone it is revived, at most five times; now and then its keeper dies with it.
    const ms = await stage.database.kill(dice.chance(0.4));
    const answered_ms = performance.now();
    await merchant.createAt(stage.front_url);
    const disturbed = disturbedSince(start);
    measures.postgres.push({ ms, disturbed });
    measures.after_postgres.push({ ms: performance.now() - answered_ms, disturbed });
  },
};

const stop_heliu: Fault = {
  name: 'stop_heliu',
  id: 'OF-02',
  parts: ['kills'],
  strike: async (scene) => {
    const node = scene.dice.pick(scene.stage.nodes);
    node.signal('SIGSTOP');
    await lasting(scene, 20_000);
    node.signal('SIGCONT');
  },
};

/** All nodes one after the other, as a deployment does it. Refused is what had an answer other than the wanted one. */
const rolling_restart: Fault = {
  name: 'rolling_restart',
  id: 'OF-03',
  parts: ['kills', 'database', 'gateways', 'receiver', 'node 1', 'node 2'],
  missing: ({ nodes }) => (nodes.length < 2 ? 'it takes two nodes' : undefined),
  strike: async ({ stage, journal, measures }) => {
    // What an earlier fault left behind is answered first.
    await setTimeout(least_ms);
    const before = journal.tries.length;
    const started_ms = performance.now();
    for (const node of stage.nodes) {
      await node.stop();
      await node.start();
    }
    const refused = journal.tries.slice(before).flatMap(({ how, answer = how }) => (how === 'connection' ? [] : [answer]));
    measures.rolling.push({ ms: performance.now() - started_ms, refused });
  },
};

/** Nothing of it is held back in the kernel, as it is when the process is stopped: its sockets stay open and take what comes. */
const block_heliu: Fault = {
  name: 'block_heliu',
  id: 'OF-13',
  parts: ['kills'],
  strike: async ({ stage, dice, longest_ms }) => dice.pick(stage.nodes).block(Math.min(5_000, longest_ms)),
};

const exhaust_heliu: Fault = {
  name: 'exhaust_heliu',
  id: 'OF-13',
  parts: ['kills'],
  strike: async ({ stage, merchant, dice }) => {
    const node = dice.pick(stage.nodes);
    await node.exhaust();
    await node.start();
    await merchant.createAt(node.url);
  },
};

/** One node brings a newer version, which migrates while the others work; they go on beside it, and cannot start any more as they were. */
const upgrade: Fault = {
  name: 'upgrade',
  id: 'OF-15',
  parts: ['kills', 'database', 'node 1', 'node 2'],
  missing: ({ nodes }) => (nodes.length < 2 ? 'it takes two nodes' : undefined),
  strike: async (scene) => {
    const { stage, merchant, journal } = scene;
    const version = await stage.newerVersion();
    const refusals = () => stage.output().split(refusal).length;
    const [first, ...others] = stage.nodes;
    await first?.stop();
    await first?.start(version);
    await lasting(scene);
    for (const node of stage.nodes) await merchant.createAt(node.url);
    for (const node of others) {
      await node.stop();
      const before = refusals();
      const started = await node.starts();
      if (started || refusals() === before) journal.unexpected.push(`${node.name} is older than the database and ${started ? 'started' : 'did not say so'}`);
      await node.start(version);
    }
  },
};

const move_clock: Fault = {
  name: 'move_clock',
  id: 'OF-12',
  parts: ['node 2'],
  missing: ({ nodes }) => nodes.at(-1)?.clock_is_fixed,
  strike: async (scene) => {
    const node = scene.stage.nodes.at(-1);
    const offset_s = scene.dice.pick([3_600, -3_600, 86_400, -86_400]);
    node?.moveClock(offset_s);
    await lasting(scene);
    node?.moveClock(0);
  },
};

/** The next commits are cut off, on whichever connection they come. */
const cutCommit = (when: 'before' | 'after'): Fault => ({
  name: `cut_${when}_commit`,
  id: 'OF-05',
  parts: ['database'],
  strike: async ({ stage, dice, longest_ms }) => {
    for (let left = dice.between(3, 10); left > 0; left--) {
      const cut = stage.wires.database.cutCommit(when);
      await Promise.race([cut.done, setTimeout(longest_ms)]);
      cut.disarm();
      await setTimeout(dice.between(0, 100));
    }
  },
});

type WireName = keyof Stage['wires'];
type Weather = Parameters<Stage['wires']['front']['weather']>[0];

const weather = (name: string, id: AnyFaultId, wire: WireName, part: Part, how: Weather, cut = false): Fault => ({
  name,
  id,
  parts: [part],
  strike: async (scene) => {
    const line = scene.stage.wires[wire];
    line.weather(how);
    if (cut) line.cut();
    await lasting(scene);
    line.weather({});
  },
});

const cuts = (name: string, id: AnyFaultId, wire: WireName, part: Part): Fault => ({
  name,
  id,
  parts: [part],
  strike: async ({ stage, dice }) => {
    for (let left = dice.between(1, 5); left > 0; left--) {
      stage.wires[wire].cut();
      await setTimeout(dice.between(50, 500));
    }
  },
});

/** The server has lost the connections and nobody tells the nodes, until the end of the episode. */
const halve_database: Fault = {
  name: 'halve_database',
  id: 'OF-05',
  parts: ['database'],
  strike: async (scene) => {
    scene.stage.wires.database.halve();
    await lasting(scene, 20_000);
    scene.stage.wires.database.cut();
  },
};

/** To a standby and back. The old primary returns each time, and the wire leads nobody to it: an operator has to fence it in the same way. */
const fail_over: Fault = {
  name: 'fail_over',
  id: 'OF-06',
  parts: ['kills', 'database'],
  strike: async (scene) => {
    const { database, wires } = scene.stage;
    const lead = (ports: readonly number[]) => {
      wires.database.lead(ports);
      wires.database.cut();
    };
    const strays = await database.failOver(lead, () => lasting(scene, 5_000));
    if (strays > 0) scene.journal.unexpected.push(`${strays} connections at a primary that had been replaced`);
  },
};

const read_only: Fault = {
  name: 'read_only',
  id: 'OF-07',
  parts: ['database'],
  strike: async (scene) => {
    const { database } = scene.stage;
    await database.administer('alter system set default_transaction_read_only = on', 'select pg_reload_conf()');
    await lasting(scene, 5_000);
    await database.administer('set default_transaction_read_only = off', 'alter system reset default_transaction_read_only', 'select pg_reload_conf()');
  },
};

const connections_full: Fault = {
  name: 'connections_full',
  id: 'OF-07',
  parts: ['database'],
  strike: async (scene) => {
    const { stage } = scene;
    const held: pg.Client[] = [];
    // The nodes' own go, so that they want new ones.
    stage.wires.database.cut();
    for (let full = false; !full; ) {
      await stage.database.connect().then(
        (client) => held.push(client),
        () => {
          full = true;
        },
      );
    }
    await lasting(scene, 5_000);
    await Promise.all(held.map((client) => client.end()));
  },
};

const long_reader: Fault = {
  name: 'long_reader',
  id: 'OF-18',
  parts: ['database'],
  strike: async (scene) => {
    const reader = await scene.stage.database.connect();
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from payments');
    await lasting(scene, 20_000);
    await reader.end();
  },
};

const disk_full: Fault = {
  name: 'disk_full',
  id: 'OF-09',
  parts: ['kills', 'database'],
  missing: ({ database }) => database.cannot_fill,
  strike: async (scene) => {
    const free = await scene.stage.database.fill();
    await lasting(scene, 5_000);
    await free();
  },
};

const gateways_stopped: Fault = {
  name: 'gateways_stopped',
  id: 'CF-27',
  parts: ['gateways'],
  strike: async (scene) => {
    const { child } = scene.stage.gateways;
    child.kill('SIGSTOP');
    await lasting(scene);
    child.kill('SIGCONT');
  },
};

/** Everything that can go wrong beside the kills, in the order of the specification. */
export const faults: readonly Fault[] = [
  stop_heliu,
  rolling_restart,
  cutCommit('before'),
  cutCommit('after'),
  cuts('cut_database', 'OF-05', 'database', 'database'),
  halve_database,
  fail_over,
  weather('hole_database', 'OF-07', 'database', 'database', { hole: true }),
  weather('slow_database', 'OF-07', 'database', 'database', { latency_ms: 200 }),
  weather('narrow_database', 'OF-07', 'database', 'database', { bytes_per_s: 64 * 1024 }),
  read_only,
  connections_full,
  disk_full,
  move_clock,
  block_heliu,
  exhaust_heliu,
  upgrade,
  long_reader,
  weather('slow_gateways', 'CF-06', 'gateways', 'gateways', { latency_ms: 1_500 }),
  weather('narrow_gateways', 'CF-06', 'gateways', 'gateways', { bytes_per_s: 512 }),
  weather('hole_gateways', 'CF-27', 'gateways', 'gateways', { hole: true }),
  weather('dead_gateways', 'CF-27', 'gateways', 'gateways', { refuse: true }, true),
  cuts('cut_gateways', 'CF-03', 'gateways', 'gateways'),
  gateways_stopped,
  weather('dead_receiver', 'MF-06', 'receiver', 'receiver', { refuse: true }, true),
  weather('hole_receiver', 'MF-05', 'receiver', 'receiver', { hole: true }),
  cuts('cut_front', 'MF-01', 'front', 'receiver'),
];
