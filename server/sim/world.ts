import type { SimulatorMaker } from '../channels/kit/simulator.ts';
import { Secret } from '../kernel/secret.ts';
import type { Config } from '../platform/config.ts';
import type { Ctx } from '../platform/ctx.ts';
import { createDb } from '../platform/db/db.ts';
import { createMetrics } from '../platform/metrics.ts';
import { isInjected } from './database.ts';
import type { Engine } from './engine.ts';
import { type Gateways, openGateways } from './gateways.ts';
import { enterWorld, lendKeysAnew } from './globals.ts';
import { type Answer, type Ask, ask, type Merchant, openMerchant } from './merchants.ts';
import { createNetwork, type Network } from './network.ts';
import { type Node, startNode } from './node.ts';
import { openReceivers, type Receivers } from './receivers.ts';
import { createSim, type Sim, type SimOptions } from './sim.ts';

/** A whole installation in virtual time: nodes, database, gateways, merchants and their receivers. */
export type World = {
  readonly sim: Sim;
  readonly network: Network;
  readonly gateways: Gateways;
  readonly receivers: Receivers;
  readonly merchants: readonly Merchant[];
  readonly ask: (merchant: Merchant, ask: Ask) => Promise<Answer | undefined>;
  /** A node's view of the database without faults or waiting, for checks. */
  readonly plain: Pick<Ctx, 'db' | 'clock'>;
  /** Ctx of some node that is alive, for what the console does. */
  readonly someCtx: () => Ctx;
  /** What went wrong with nodes, in all their lives, and no fault of the world brought about. */
  readonly unexplained: () => readonly string[];
  /** Writes that were refused because another had been faster, in all lives of all nodes. */
  readonly staleWrites: () => number;
  /** Waits until every node is up. */
  readonly allUp: () => Promise<void>;
};

export type WorldOptions = Omit<SimOptions, 'engine'> & {
  readonly engine: Engine;
  readonly nodes: number;
  readonly merchants: number;
  /** A gateway beside those of the two wallets. */
  readonly further?: SimulatorMaker | undefined;
  /** The merchant that signs its requests, by its place; nobody when absent. */
  readonly signs?: number | undefined;
};

/** How long it takes until a node that died serves again. */
const restart_ms = { from: 800, to: 8_000 } as const;

const config: Config & { readonly database_url: Secret } = {
  mode: 'sandbox',
  role: 'all',
  host: '127.0.0.1',
  port: 7400,
  public_url: 'http://127.0.0.1:7400',
  data_dir: '/nowhere',
  database_url: new Secret(''),
  database_pool_max: 10,
  master_key: new Secret(Buffer.alloc(32, 7).toString('base64')),
  egress_allow: ['127.0.0.0/8'],
  webhook_allow_http: true,
  webhook_ports: [8001],
  rate_limit_per_s: 100_000,
  recon_two_persons_from_fen: 100_000,
  mqtt_port: undefined,
  trusted_proxies: [],
  log_level: 'error',
  sandbox_time_scale: 1,
};

/** Empties the database and starts everything. Nothing goes wrong before `sim.numbering` is set. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const sim = createSim(options);
  enterWorld({ now_ms: sim.scheduler.now_ms, dice: sim.dice('globals') });
  lendKeysAnew();
  options.engine.empty();
  const { scheduler } = sim;
  const network = createNetwork(sim);
  const all: Node[] = [];
  const starts: string[] = [];
  const restarts = sim.dice('restarts');
  const boot = async (name: string, incarnation: number): Promise<void> => {
    const node = await startNode({
      sim,
      network,
      name,
      config,
      onCrash: (dead) => {
        const at = network.nodes.indexOf(dead);
        // One that dies while it starts is not among them yet.
        if (at >= 0) network.nodes.splice(at, 1);
        scheduler.after(restarts.between(restart_ms.from, restart_ms.to), 'restart', name, () => restart(name, incarnation + 1));
      },
    });
    all.push(node);
    network.nodes.push(node);
    network.nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  // A start needs the database; where that fails, whoever looks after the process starts it again.
  const restart = (name: string, incarnation: number): void => {
    boot(name, incarnation).catch((error: unknown) => {
      if (!isInjected(error)) starts.push(`${name} did not start: ${String(error)}`);
      scheduler.after(2_000, 'start again', name, () => restart(name, incarnation));
    });
  };
  sim.database.onNews((payload) => {
    for (const node of network.nodes) {
      if (!sim.healed && sim.faults.hit('OF-16')) node.loseNews();
      scheduler.after(sim.latency(20), 'news', node.name, () => node.isAlive() && node.hear(payload));
    }
  });
  const names = Array.from({ length: options.nodes }, (_, at) => `n${at + 1}`);
  sim.faults.hold();
  for (const name of names) await scheduler.pump(boot(name, 1));
  const gateways = await scheduler.pump(openGateways(sim, network, options.further));
  const receivers = openReceivers(sim, network);
  const someCtx = (): Ctx => {
    const [node] = network.nodes;
    if (!node) throw new Error('no node is up');
    return node.ctx;
  };
  const merchants: Merchant[] = [];
  for (let at = 0; at < options.merchants; at++) {
    merchants.push(await scheduler.pump(openMerchant({ sim, ctx: someCtx(), network, gateways, receivers }, at, at === options.signs)));
  }
  sim.faults.release();
  const metrics = createMetrics({ process_metrics: false });
  return {
    sim,
    network,
    gateways,
    receivers,
    merchants,
    someCtx,
    ask: (merchant, wanted) => ask(sim, network, merchant, wanted),
    plain: {
      db: createDb(sim.database.plainPool(), metrics),
      clock: { now: () => new Date(scheduler.now_ms()), monotonic_ms: scheduler.now_ms, sleep: sim.sleep },
    },
    unexplained: () => [...starts, ...all.flatMap((node) => node.unexplained)],
    staleWrites: () => all.reduce((sum, node) => sum + node.staleWrites(), 0),
    allUp: async () => {
      while (network.nodes.length < options.nodes) await sim.sleep(500);
    },
  };
}
