import { createChannelClient } from '@heliu/server/channels/client.ts';
import type { PaymentsCtx } from '@heliu/server/payments/ctx.ts';
import { InvalidArgumentError } from 'commander';
import { type Cli, withNode } from '../cli.ts';

/** Reads a business day. */
export function readDay(text: string): string {
  const at = new Date(`${text}T00:00:00+08:00`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(at.getTime())) throw new InvalidArgumentError('it must be a day like 2026-11-21');
  return text;
}

/** A node with its way to the channels. News of what it writes is carried by the nodes that serve. */
export const withChannels = (cli: Cli, work: (ctx: PaymentsCtx) => Promise<void>): Promise<void> =>
  withNode(cli, (ctx) => work({ ...ctx, channels: createChannelClient(ctx), nudge: () => {}, courier: { lease: () => undefined, hand: () => {} } }));

/** Says how far long work has come, on the other channel than the result. */
export function progressOf(cli: Cli, total: number): (done: number, what: string) => void {
  return (done, what) => {
    if (cli.asJson() || total < 2) return;
    const filled = Math.round((done / total) * 20);
    cli.io.err(`\r[${'█'.repeat(filled)}${'·'.repeat(20 - filled)}] ${done}/${total} ${what}${done === total ? '\n' : ''}`);
  };
}
