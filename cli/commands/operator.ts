import { createChannelClient } from '@heliu/server/channels/client.ts';
import type { PaymentsCtx } from '@heliu/server/payments/ctx.ts';
import { InvalidArgumentError } from 'commander';
import { barOf, type Cli, withNode } from '../cli.ts';

/** Reads a business day. */
export function readDay(text: string): string {
  const at = new Date(`${text}T00:00:00+08:00`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(at.getTime())) throw new InvalidArgumentError('it must be a day like 2026-11-21');
  return text;
}

/** A node with its way to the channels. News of what it writes is carried by the nodes that serve. */
export const withChannels = (cli: Cli, work: (ctx: PaymentsCtx) => Promise<void>): Promise<void> =>
  withNode(cli, (ctx) => work({ ...ctx, channels: createChannelClient(ctx), nudge: () => {}, courier: { lease: () => undefined, hand: () => {} } }));

/** Says how far work on several things has come, on the other channel than the result, to a person at a terminal. */
export function progressOf(cli: Cli, total: number): (done: number, what: string) => void {
  return (done, what) => {
    if (!cli.io.is_terminal || cli.asJson() || total < 2) return;
    cli.io.err(`\r${barOf(done, total)} ${what}${done === total ? '\n' : ''}`);
  };
}
