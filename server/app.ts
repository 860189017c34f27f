import type { AddressInfo } from 'node:net';
import type { FastifyPluginAsync, FastifyPluginCallback } from 'fastify';
import { createAuthenticate } from './access/authentication/service.ts';
import { sweepAccess } from './access/service.ts';
import { bankTasks } from './bank/jobs.ts';
import { bindBank } from './bank/routes.ts';
import { bindHelp } from './cashier/help/routes.ts';
import { cashierPages } from './cashier/page/routes.ts';
import { sweepCashier } from './cashier/payers/service.ts';
import { bindPlates, printRoutes } from './cashier/plates/routes.ts';
import { posPage } from './cashier/pos/page/routes.ts';
import { type Push, startPush } from './cashier/pos/push/service.ts';
import { bindDevices, posApiRoutes } from './cashier/pos/routes.ts';
import { bindCashier } from './cashier/routes.ts';
import { createChannelClient } from './channels/client.ts';
import { keepLedger } from './ledger/projection/service.ts';
import { bindLedger } from './ledger/routes.ts';
import { merchantTasks } from './merchants/jobs.ts';
import { bindMerchants } from './merchants/routes.ts';
import type { PaymentsCtx } from './payments/ctx.ts';
import { paymentTasks } from './payments/jobs.ts';
import { notificationRoutes } from './payments/notifications/routes.ts';
import { bindPayments } from './payments/routes.ts';
import type { Ctx } from './platform/ctx.ts';
import { keepStatistics } from './platform/db/statistics.ts';
import { createSweeper, type DueTask, type Sweeper } from './platform/due/sweeper.ts';
import { createHttpServer, type HttpServer } from './platform/http/server.ts';
import { startSequencer } from './platform/outbox/sequencer.ts';
import { bindPricing } from './pricing/routes.ts';
import { priceBooks } from './pricing/service.ts';
import { keepReconHouse, reconTasks } from './recon/jobs.ts';
import { bindRecon } from './recon/routes.ts';
import { bindMargins } from './reports/margin/routes.ts';
import { observePayments, shareHealth } from './routing/health/service.ts';
import { bindRouting } from './routing/routes.ts';
import { sweepRouting } from './routing/service.ts';
import { settlementTasks } from './settlement/jobs.ts';
import { bindSettlement, statementRoutes } from './settlement/routes.ts';
import { webhookTasks } from './webhooks/jobs.ts';
import { bindWebhooks } from './webhooks/routes.ts';

/** One node of Heliu: its HTTP side, its sweepers, or both, as its role says. */
export type App = {
  readonly ctx: PaymentsCtx;
  readonly http: HttpServer;
  /** Where terminals connect by MQTT; undefined before the start, and where there is none. */
  readonly mqttPort: () => number | undefined;
  /** Begins to sweep, as its role says; for who serves in another way than by listening. */
  readonly work: () => void;
  /** Listens, then begins to work. */
  readonly start: () => Promise<AddressInfo>;
  /** Refuses newcomers, finishes what is under way, stops sweeping. The ports of `ctx` are the caller's to close. */
  readonly stop: () => Promise<void>;
};

/** Puts the modules together; the only file that knows them all. `scopes` are what only some installations have. */
export async function createApp(base: Ctx, scopes: (ctx: PaymentsCtx) => readonly (FastifyPluginAsync | FastifyPluginCallback)[] = () => []): Promise<App> {
  let sweeper: Sweeper | undefined;
  const ctx: PaymentsCtx = {
    ...base,
    channels: createChannelClient(base, undefined, observePayments(base)),
    nudge: (due) => sweeper?.nudge(due),
    courier: { lease: (now) => sweeper?.lease('deliveries', now), hand: (leased) => sweeper?.hand('deliveries', leased) },
  };
  const works = base.config.role !== 'api';
  const serves = base.config.role !== 'worker';

  const http = await createHttpServer(ctx, {
    authenticate: createAuthenticate(ctx),
    bindOperations: (scope) => {
      if (!serves) return;
      bindMerchants(scope, ctx);
      bindPayments(scope, ctx);
      bindCashier(scope, ctx);
      bindHelp(scope, ctx);
      bindPlates(scope, ctx);
      bindDevices(scope, ctx);
      bindPricing(scope, ctx);
      bindLedger(scope, ctx);
      bindMargins(scope, ctx);
      bindRecon(scope, ctx);
      bindBank(scope, ctx);
      bindRouting(scope, ctx);
      bindSettlement(scope, ctx);
      bindWebhooks(scope, ctx);
    },
    scopes: serves ? [notificationRoutes(ctx), printRoutes(ctx), statementRoutes(ctx), posApiRoutes(ctx), posPage, ...scopes(ctx), cashierPages(ctx)] : [],
  });

  let sequencer: ReturnType<typeof startSequencer> | undefined;
  let ledger: ReturnType<typeof keepLedger> | undefined;
  let push: Push | undefined;
  let statistics: ReturnType<typeof keepStatistics> | undefined;
  let housekeeping: Promise<void> | undefined;
  let sharing: Promise<void> | undefined;
  const stopping = new AbortController();
  const work = (): void => {
    // Where payments are routed, health is known; a node that only works sees calls too.
    sharing = shareHealth(ctx, stopping.signal);
    if (!works) return;
    sweeper = createSweeper(ctx, dueTasks(ctx));
    sequencer = startSequencer(ctx);
    ledger = keepLedger(ctx, priceBooks);
    statistics = keepStatistics(ctx);
    housekeeping = keepHouse(ctx, stopping.signal);
  };
  return {
    ctx,
    http,
    mqttPort: () => push?.port,
    work,
    start: async () => {
      const address = await http.listen();
      const { mqtt_port } = base.config;
      if (serves && mqtt_port !== undefined) push = await startPush(ctx, mqtt_port);
      work();
      return address;
    },
    stop: async () => {
      await Promise.all([http.stop(), push?.stop()]);
      stopping.abort();
      await Promise.all([sweeper?.stop(), sequencer?.stop(), ledger?.stop(), statistics?.stop(), housekeeping, sharing]);
    },
  };
}

/** Every kind of row that becomes due, for the sweeper of a node. */
export const dueTasks = (ctx: PaymentsCtx): readonly DueTask<unknown>[] => [
  ...paymentTasks(ctx),
  ...merchantTasks(ctx),
  ...reconTasks(ctx),
  ...settlementTasks(ctx),
  ...webhookTasks(ctx),
  ...bankTasks(ctx),
];

const housekeeping_ms = 600_000;

/** Rare work that no row asks for: forgets nonces, idempotency keys, counters and health past their term, opens the days whose bills are wanted. */
async function keepHouse(ctx: PaymentsCtx, stopping: AbortSignal): Promise<void> {
  const report = (what: string) => (error: unknown) => ctx.log.error({ error: error instanceof Error ? error : new Error(String(error)) }, what);
  while (!stopping.aborted) {
    await ctx.clock.sleep(housekeeping_ms, stopping);
    if (stopping.aborted) return;
    for (const sweep of [sweepAccess, sweepCashier, sweepRouting]) await sweep(ctx).catch(report('what is past its term could not be swept'));
    await keepReconHouse(ctx).catch(report('bill days could not be opened'));
  }
}
