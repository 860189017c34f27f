import { flushCompileCache } from 'node:module';
import { inspect } from 'node:util';
import type { FastifyPluginAsync, FastifyPluginCallback } from 'fastify';
import { type App, createApp } from './app.ts';
import type { PaymentsCtx } from './payments/ctx.ts';
import { ConfigError, type Environment, environmentName, loadConfig } from './platform/config.ts';
import { createCtx, type Node } from './platform/create-ctx.ts';

/** A node that is serving. */
export type Served = { readonly url: string; readonly stop: () => Promise<void> };

/** What a node's program was loaded from. */
export type Origin = 'bundle' | 'sources';

/** Starts a node as its configuration says and gives it back once it serves. */
export async function start(environment: Environment, directory: string, origin: Origin = 'sources'): Promise<Served> {
  const config = await loadConfig(environment, directory);
  const node = await createCtx(config);
  let app: App | undefined;
  const stop = async () => {
    await app?.stop();
    await node.close();
  };
  try {
    app = await (config.mode === 'sandbox' ? createSandboxApp(node) : createApp(node.ctx));
    const address = await app.start();
    node.ctx.log.info({ mode: config.mode, role: config.role, port: address.port, public_url: config.public_url, origin }, 'serving');
    return { url: config.public_url, stop };
  } catch (error) {
    await stop();
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      const taken = 'port' in error && error.port === config.mqtt_port ? 'mqtt_port' : 'port';
      throw new ConfigError([`${environmentName(taken)}: ${config.host}:${config[taken]} is taken by another program. Stop it, or choose another port`]);
    }
    throw error;
  }
}

/** The simulators and the demo pages are loaded here alone, so a production node does not even have their code in memory. */
async function createSandboxApp({ ctx }: Node): Promise<App> {
  const [{ createSandbox }, { simulators }] = await Promise.all([import('./sandbox/sandbox.ts'), import('./channels/simulators.ts')]);
  let sandbox: ReturnType<typeof createSandbox> | undefined;
  const scopes = (payments_ctx: PaymentsCtx): readonly (FastifyPluginAsync | FastifyPluginCallback)[] => {
    sandbox = createSandbox(payments_ctx, { simulators });
    return [sandbox.view, sandbox.plugin];
  };
  const app = await createApp(ctx, scopes);
  await app.http.fastify.ready();
  await sandbox?.prepare(app.http.fastify);
  return app;
}

/** `heliu serve` and `npm start`: serves until it is told to stop. Ctrl-C or SIGTERM drains; a second one ends at once. */
export async function serve(origin: Origin = 'sources'): Promise<void> {
  let served: Served;
  try {
    served = await start(process.env, process.cwd(), origin);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    process.exitCode = 1;
    return;
  }
  // A node that is killed would leave nothing for its next start, which is the one that has to be quick.
  flushCompileCache();
  process.send?.({ ready: true });
  process.stdout.write(`\n  Heliu 合流  ${served.url}\n\n`);
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    stopping = true;
    served.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${inspect(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
