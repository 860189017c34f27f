import { systemClock } from '@heliu/server/platform/clock.ts';
import { loadConfig } from '@heliu/server/platform/config.ts';
import { startEmbedded } from '@heliu/server/platform/db/embedded.ts';
import { migrate } from '@heliu/server/platform/db/migrate.ts';
import { createLog } from '@heliu/server/platform/log.ts';
import { systemRng } from '@heliu/server/platform/rng.ts';
import type { Command } from 'commander';
import { type Cli, show } from '../cli.ts';

/** `serve` and `migrate`. */
export function addServerCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  program
    .command('serve')
    .description(say('serve as the configuration says, until it is told to stop', '按配置启动服务，直到收到停止信号'))
    .action(async () => {
      // Loaded only here: no other command needs the whole server.
      const { serve } = await import('@heliu/server/serve.ts');
      await serve();
    });
  program
    .command('migrate')
    .description(say('bring the database schema up to date', '将数据库结构升级到最新'))
    .action(() => migrateDatabase(cli));
}

async function migrateDatabase(cli: Cli): Promise<void> {
  const { data_dir, database_url: given } = await loadConfig(cli.io.env, cli.io.cwd);
  const log = createLog('silent', systemClock);
  const embedded = given ? undefined : await startEmbedded({ data_dir, clock: systemClock, rng: systemRng, log });
  const database_url = given ?? embedded?.database_url;
  try {
    const applied = database_url ? await migrate({ database_url, clock: systemClock, log }) : [];
    show(cli, { applied }, () => (applied.length === 0 ? cli.say('nothing to do\n', '已是最新\n') : applied.map((name) => `${name}\n`).join('')));
  } finally {
    await embedded?.stop();
  }
}
