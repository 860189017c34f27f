import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { masterKey } from '@heliu/server/platform/config/master-key.ts';
import { systemRng } from '@heliu/server/platform/rng.ts';
import { rewrapDataKeys } from '@heliu/server/platform/vault/data-keys.ts';
import type { Command } from 'commander';
import { type Cli, show } from '../cli.ts';
import { withDatabase } from '../database.ts';
import { UsageError } from '../failures.ts';

/** `master-key rotate` */
export function addMasterKeyCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  program
    .command('master-key')
    .description(say('the key that everything secret in the database depends on', '数据库中一切机密所依赖的主密钥'))
    .command('rotate')
    .description(
      say(
        'wrap the data keys with another master key; nodes at work go on, and need the new one when they start again',
        '改用另一把主密钥包裹数据密钥；运行中的节点不受影响，重启时须用新密钥',
      ),
    )
    .requiredOption('--to-file <path>', say('file with the new master key: 32 random bytes in base64', '新主密钥所在文件：32 个随机字节的 base64'))
    .action(({ toFile }: { readonly toFile: string }) => rotate(cli, toFile));
}

async function rotate(cli: Cli, path: string): Promise<void> {
  const to = await readKey(cli, path);
  const data_keys = await withDatabase(cli, 'heliu-master-key', (db, { master_key: from }) => rewrapDataKeys({ db, rng: systemRng, from, to }));
  show(cli, { data_keys }, () =>
    data_keys === 0
      ? cli.say('every data key is wrapped by this master key already\n', '全部数据密钥已由该主密钥包裹\n')
      : cli.say(
          `${data_keys} data key(s) wrapped anew. Start every node with the new master key from now on, and keep the old one as long as backups from before are kept.\n`,
          `已重新包裹 ${data_keys} 把数据密钥。此后各节点须以新主密钥启动；旧密钥须与此前的备份一同保留。\n`,
        ),
  );
}

async function readKey({ io, say }: Cli, path: string) {
  const raw = await readFile(resolve(io.cwd, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(say(`--to-file: ${path} cannot be read (${error.code})`, `--to-file：无法读取 ${path}（${error.code}）`));
  });
  const read = masterKey.read(raw);
  if ('problem' in read) throw new UsageError(say(`--to-file: the key ${read.problem}`, `--to-file：该密钥不可用：${read.problem}`));
  return read.value;
}
