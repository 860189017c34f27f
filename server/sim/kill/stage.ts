import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../kernel/secret.ts';
import { systemClock } from '../../platform/clock.ts';
import { loadConfig } from '../../platform/config.ts';
import { assembleCtx, type Node } from '../../platform/create-ctx.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { systemRng } from '../../platform/rng.ts';
import { type Acknowledgements, freePort, listen, productionEnvironment, setUp } from '../../testing/installation.ts';
import { type Running, start } from '../../testing/processes.ts';
import { type Database, openDatabase } from './database.ts';
import { aHeliu, type Heliu } from './heliu.ts';
import { lease_notes } from './leases.ts';
import { newerVersion } from './versions.ts';
import { openWire, type Wire } from './wire.ts';

/** A whole installation as processes of its own, with a wire between any two that talk. */
export type Stage = {
  readonly folder: string;
  readonly database: Database;
  readonly nodes: readonly Heliu[];
  readonly gateways: Running;
  readonly wires: { readonly front: Wire; readonly database: Wire; readonly gateways: Wire; readonly receiver: Wire };
  /** Where merchants and gateways reach Heliu: whichever node is there. */
  readonly front_url: string;
  /** The gateways' own door, for the payer's hand and the truth. */
  readonly gateways_url: string;
  readonly api_key: string;
  readonly acknowledged: Acknowledgements;
  /** The program of a version with a migration more than any before. */
  readonly newerVersion: () => Promise<URL>;
  /** What the processes have said so far. */
  readonly output: () => string;
  /** Processes that ended although nobody had ended them. */
  readonly unexpected: readonly string[];
  /** The books, read without any wire. */
  readonly books: Node;
  /** `keep` leaves the folder with what the processes said. */
  readonly close: (keep: boolean) => Promise<void>;
};

export type StageOptions = { readonly nodes: number; readonly small_disk: boolean; readonly movable_clock: boolean };

export async function openStage(options: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'heliu-kill-'));
  const output_fd = openSync(join(folder, 'output.log'), 'a', 0o600);
  const unexpected: string[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (keep: boolean) => {
    for (const step of closing.toReversed()) await step();
    closeSync(output_fd);
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    const wires = { front: await openWire(), database: await openWire(), gateways: await openWire(), receiver: await openWire() };
    closing.push(() => Promise.all(Object.values(wires).map((wire) => wire.close())));
    const gateways_port = await freePort();
    const program = (name: string, args: readonly string[]) => start(new URL(`../../testing/${name}.process.ts`, import.meta.url), args, {}, [], output_fd);
    const [database, gateways, receiver] = await Promise.all([
      openDatabase({ folder, output_fd, small_disk: options.small_disk }),
      program('simulators', [String(gateways_port), String(wires.gateways.port)]),
      program('receiver', []),
    ]);
    closing.push(database.stop, gateways.stop, receiver.stop);
    wires.database.lead([database.port]);
    wires.gateways.lead([gateways.port]);
    wires.receiver.lead([receiver.port]);
    const front_url = `http://127.0.0.1:${wires.front.port}`;
    const gateways_url = `http://127.0.0.1:${gateways.port}`;
    const environment = productionEnvironment({
      port: 0,
      public_url: front_url,
      database_url: throughWire(database.url, wires.database),
      folder,
      webhook_port: wires.receiver.port,
    });
    await migrate({ database_url: database.url, clock: systemClock, log: createLog('error', systemClock) });
    await database.administer(lease_notes);
    const api_key = await setUp({ ...environment, HELIU_PORT: '1' }, database.url, gateways_url, folder);
    const nodes: Heliu[] = [];
    for (let at = 0; at < options.nodes; at++) {
      const clock_file = options.movable_clock && at === options.nodes - 1 ? join(folder, 'clock') : undefined;
      const name = `node ${at + 1}`;
      nodes.push(aHeliu({ name, port: await freePort(), environment, output_fd, clock_file, ended: (what) => unexpected.push(what) }));
    }
    closing.push(() => Promise.all(nodes.map((node) => node.stop())));
    await Promise.all(nodes.map((node) => node.start()));
    wires.front.lead(nodes.map(({ port }) => port));
    const acknowledged = await listen(front_url, api_key, receiver, wires.receiver.port);
    const books = await assembleCtx({
      config: { ...(await loadConfig({ ...environment, HELIU_PORT: '1' }, folder)), database_url: database.url, database_pool_max: 2 },
      clock: systemClock,
      rng: systemRng,
      log: createLog('silent', systemClock),
      metrics: createMetrics({ process_metrics: false }),
    });
    closing.push(books.close);
    let versions = 0;
    const newer = () => newerVersion(folder, ++versions);
    const output = () => readFileSync(join(folder, 'output.log'), 'utf8');
    return { newerVersion: newer, output, folder, database, nodes, gateways, wires, front_url, gateways_url, api_key, acknowledged, unexpected, books, close };
  } catch (error) {
    await close(true);
    throw error;
  }
}

function throughWire(url: Secret, wire: Wire): Secret {
  const through = new URL(url.expose());
  through.port = String(wire.port);
  return new Secret(through.href);
}
