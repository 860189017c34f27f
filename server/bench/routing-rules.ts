import type { RoutingAccounts, RoutingRule, RuleSetBody } from '@heliu/contract';
import pg from 'pg';
import { wallets } from './load.ts';

/** Accounts at each of the two gateways while rules are on: four in all. */
export const accounts_each = 2;
const rules_wanted = 100;

/** What a payment of the load has to walk through: rules that look at it and do not match, and at the end the one of its method. */
function ruleSet(accounts: RoutingAccounts['accounts']): RuleSetBody {
  const last = wallets.map(({ channel, method }): RoutingRule => {
    const [larger, smaller] = accounts.filter((account) => account.channel === channel).map(({ channel_account_id }) => channel_account_id);
    if (larger === undefined || smaller === undefined) throw new Error(`${channel} has two accounts`);
    const shares = [
      { channel_account_id: larger, weight: 70 },
      { channel_account_id: smaller, weight: 30 },
    ];
    return { name: method, when: `method == "${method}"`, use: { type: 'split', shares } };
  });
  const before = Array.from({ length: rules_wanted - last.length }, (_, at): RoutingRule => {
    const from = 1_000_000 + at * 1_000;
    const when = `method in ["wechat_qr", "alipay_qr"] && amount_fen >= ${from} && amount_fen < ${from + 1_000}`;
    return { name: `rule ${at}`, when, use: { type: 'least_cost' } };
  });
  return { name: 'bench', rules: [...before, ...last], default: { type: 'priority' } };
}

/** Gives each account a price and limits, and lets a hundred rules decide. */
export async function turnRulesOn(heliu: string, api_key: string): Promise<void> {
  const headers = { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' };
  const ask = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${heliu}${path}`, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  };
  const { accounts } = await ask<RoutingAccounts>('/v1/routing/accounts');
  if (accounts.length !== 2 * accounts_each) throw new Error(`there are ${accounts.length} accounts`);
  for (const [at, { channel_account_id }] of accounts.entries()) {
    const terms = { channel_price: { rate_ppm: 2_000 + 100 * at }, amount_fen_min: 1, amount_fen_max: 5_000_000 };
    await ask(`/v1/routing/accounts/${channel_account_id}/terms`, terms);
  }
  await ask('/v1/routing/rule_sets', ruleSet(accounts));
}

/** That the rules really decided: attempts by channel and account, and how many went by none of the rules. */
export async function routedBy(database_url: string) {
  const client = new pg.Client({ connectionString: database_url });
  await client.connect();
  const { rows } = await client.query<{ channel: string; rule: string | null; attempts: number }>(
    `select a.channel, d.rule, count(*)::integer as attempts from routing_decisions d
     join channel_accounts a on a.merchant_id = d.merchant_id and a.id = d.channel_account_id
     group by a.channel, a.id, d.rule order by a.channel, attempts desc`,
  );
  await client.end();
  const shareOf = ({ channel, attempts }: { channel: string; attempts: number }): number => {
    const all = rows.filter((row) => row.channel === channel).reduce((sum, row) => sum + row.attempts, 0);
    return Math.round((attempts / all) * 10_000) / 10_000;
  };
  return {
    rules: rules_wanted,
    accounts: 2 * accounts_each,
    by_no_rule: rows.filter(({ rule }) => rule === null).reduce((sum, { attempts }) => sum + attempts, 0),
    shares: rows.map((row) => ({ channel: row.channel, attempts: row.attempts, share: shareOf(row) })),
  };
}
