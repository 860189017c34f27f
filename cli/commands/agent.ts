import { type Agent, assignMerchant, closeAgent, createAgent, listAgents, moveAgent } from '@heliu/server/merchants/agents/service.ts';
import type { Merchant } from '@heliu/server/merchants/service.ts';
import type { Command } from 'commander';
import { type Cli, given, show, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table } from '../output.ts';
import { findMerchant } from './merchant.ts';

/** `agent …` */
export function addAgentCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const agent = program.command('agent').description(say('agents, who bring merchants and agents of their own', '代理商：发展商户与下级代理商'));
  agent
    .command('create')
    .description(say('make an agent, at the top or below another', '新建代理商，顶级或在另一代理商之下'))
    .requiredOption('--name <name>', say('its name', '名称'))
    .option('--below <agent-id>', say('the agent that it stands below', '上级代理商'))
    .action(({ name, below }: { name: string; below?: string }) =>
      withNode(cli, async (ctx) => showOne(cli, await createAgent(ctx, { name, ...given({ parent_id: below }) }))),
    );
  agent
    .command('list')
    .description(say('all agents as a tree, with how many merchants each has itself', '代理商层级，及各自直属的商户数'))
    .action(() =>
      withNode(cli, async (ctx) => {
        const list = await listAgents(ctx);
        show(cli, list, () => table(list.map(({ id, name, level, state, merchants }) => ({ id, name: `${'· '.repeat(level - 1)}${name}`, state, merchants }))));
      }),
    );
  agent
    .command('move <agent-id>')
    .description(say('put an agent, with all below it, elsewhere in the tree', '移动代理商，连同其全部下级'))
    .option('--below <agent-id>', say('the agent that it stands below from now on', '新的上级代理商'))
    .option('--top', say('at the top', '移为顶级'))
    .action((id: string, { below, top }: { below?: string; top?: true }) =>
      withNode(cli, async (ctx) => {
        if ((below === undefined) === (top === undefined)) throw new UsageError(say('give one of --below and --top', '请在 --below 与 --top 中给出一个'));
        showOne(cli, await moveAgent(ctx, { id, parent_id: below ?? null }));
      }),
    );
  agent
    .command('close <agent-id>')
    .description(say('close an agent that has no merchants and no open agents any more', '关闭名下已无商户与下级的代理商'))
    .action((id: string) => withNode(cli, async (ctx) => showOne(cli, await closeAgent(ctx, id))));
  agent
    .command('assign <agent-id>')
    .description(say('make a merchant this agent’s, whosever it was before', '将商户划归该代理商，无论此前属于谁'))
    .requiredOption('--merchant <id-or-code>', say('which', '商户'))
    .action((agent_id: string, { merchant }: { merchant: string }) => give(cli, merchant, agent_id));
  agent
    .command('release')
    .description(say('make a merchant nobody’s', '商户不再属于任何代理商'))
    .requiredOption('--merchant <id-or-code>', say('which', '商户'))
    .action(({ merchant }: { merchant: string }) => give(cli, merchant, null));
}

const give = (cli: Cli, merchant: string, agent_id: string | null): Promise<void> =>
  withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    const given_to: Merchant = await assignMerchant(ctx, { merchant_id, agent_id });
    show(cli, given_to, () => record(given_to));
  });

const showOne = (cli: Cli, agent: Agent): void => show(cli, agent, () => record(agent));
