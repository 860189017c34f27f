import { type Event, type Heliu, HeliuConnectionError, type ListEventsQuery, webhooks } from '@heliu/sdk';
import type { Command } from 'commander';
import { type ApiOptions, apiClient, type Cli, given, readText, show, wholeNumber, withApiOptions } from '../cli.ts';
import { describeFailure } from '../failures.ts';
import { table } from '../output.ts';

type FeedOptions = ApiOptions & { readonly after?: string; readonly type?: NonNullable<ListEventsQuery['type']> };
type ListOptions = FeedOptions & { readonly limit: number };
type ListenOptions = FeedOptions & { readonly forward?: string; readonly secretFile?: string; readonly fromStart?: boolean };

/** `events list` and `listen`. */
export function addEventCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const feedOptions = (command: Command) =>
    withApiOptions(command, cli)
      .option('--after <cursor>', say('begin after this cursor', '从该游标之后开始'))
      .option('--type <type>', say('only this type: payment.paid …', '只看该类型：payment.paid 等'));
  const events = program.command('events').description(say('events', '事件'));
  feedOptions(events.command('list'))
    .description(say('list events, oldest first', '事件列表（旧的在前）'))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 20)
    .action((options: ListOptions) => listEvents(cli, options));
  feedOptions(program.command('listen'))
    .description(say('print events as they happen, and hand them to a receiver on this machine', '实时打印事件，并可转发到本机的接收程序'))
    .option('--forward <url>', say('POST each event there, signed like a webhook', '以 Webhook 形式（带签名）转发到该地址'))
    .option('--secret-file <file>', say('file with the whsec_… to sign with; a fresh one unless given', '存放签名密钥 whsec_… 的文件；默认临时生成'))
    .option('--from-start', say('begin with the oldest event instead of the next one', '从最早的事件开始，而非下一个'))
    .action((options: ListenOptions) => listen(cli, options));
}

async function listEvents(cli: Cli, { after, type, limit, ...options }: ListOptions): Promise<void> {
  const heliu = await apiClient(cli, options);
  const page = await heliu.events.list(given({ after, type, limit }));
  show(cli, page, () => `${table(page.data.map(shortEvent))}${cli.say('next: --after', '后续：--after')} ${page.next_cursor}\n`);
}

/** Between two looks at the feed when it is at its end, or cannot be reached. */
const look_ms = 1_000;
const page_rows = 100;

async function listen(cli: Cli, options: ListenOptions): Promise<void> {
  const { type, forward, fromStart } = options;
  const stop = cli.io.interruption();
  const heliu = await apiClient(cli, options);
  const secret = options.secretFile === undefined ? webhooks.newTestSecret() : (await readText(cli, options.secretFile)).trim();
  let after = options.after ?? (fromStart ? undefined : await endOfFeed(heliu, type, stop));
  if (forward !== undefined && options.secretFile === undefined)
    cli.io.err(`${cli.say('webhook secret for this run:', '本次运行的 Webhook 密钥：')} ${secret}\n`);
  cli.io.err(`${cli.say('listening; Ctrl-C ends', '监听中；按 Ctrl-C 结束')}\n`);
  while (!stop.aborted) {
    const page = await nextPage(cli, heliu, given({ after, type, limit: page_rows }), stop);
    for (const event of page?.data ?? []) {
      cli.io.out(
        cli.asJson()
          ? `${JSON.stringify(event)}\n`
          : table([shortEvent(event)])
              .split('\n')
              .slice(1)
              .join('\n'),
      );
      if (forward !== undefined) await handOver(cli, event, forward, secret, stop);
    }
    after = page?.next_cursor ?? after;
    if (!page?.has_more) await cli.io.sleep(look_ms, stop);
  }
}

/** Undefined when the API could not be reached, or the user has had enough: the loop sees which. */
async function nextPage(cli: Cli, heliu: Heliu, query: ListEventsQuery, signal: AbortSignal) {
  try {
    return await heliu.events.list(query, { signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof HeliuConnectionError)) throw error;
    cli.io.err(`${describeFailure(error, cli.say).text}\n`);
    return undefined;
  }
}

/** Where the next event will be. */
async function endOfFeed(heliu: Heliu, type: ListEventsQuery['type'], signal: AbortSignal): Promise<string> {
  let page = await heliu.events.list(given({ type, limit: page_rows }), { signal });
  while (page.has_more) page = await heliu.events.list(given({ after: page.next_cursor, type, limit: page_rows }), { signal });
  return page.next_cursor;
}

const forward_ms_max = 10_000;

/** Once, as it is: a developer sees what became of it and may ask for it again with `--after`. */
async function handOver(cli: Cli, event: Event, url: string, secret: string, stop: AbortSignal): Promise<void> {
  const { body, headers } = await webhooks.signTestEvent(event, secret);
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(forward_ms_max)]);
    const { status } = await cli.io.fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
    cli.io.err(`  → ${url} ${status}\n`);
  } catch (error) {
    const { message, cause } = error as Error;
    cli.io.err(`  → ${url} ${cause instanceof Error ? cause.message : message}\n`);
  }
}

const shortEvent = ({ created_at, type, id, data }: Event) => ({ created_at, type, id, object: 'id' in data ? data.id : '' });
