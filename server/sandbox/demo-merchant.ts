import { scopes } from '@heliu/contract';
import { createApiKey } from '../access/service.ts';
import type { Simulator } from '../channels/kit/simulator.ts';
import { Secret } from '../kernel/secret.ts';
import { closeChannelAccount, createChannelAccount, createMerchant, showChannelAccount } from '../merchants/service.ts';
import { activateAccount, type SessionsCtx } from '../merchants/sessions/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import { type DemoFile, readDemoFile, writeDemoFile } from './demo-file.ts';
import type { FileJournal } from './journal.ts';
import type { MerchantAnswer, MerchantApi } from './merchant-api.ts';

/** A simulated gateway and the journal it lives in. */
export type Gateway = { readonly simulator: Simulator; readonly journal: FileJournal };

type Setup = {
  readonly file: string;
  readonly gateways: readonly Gateway[];
  /** Where the inbox receives webhooks. */
  readonly hook_url: string;
  readonly apiWith: (key: string) => MerchantApi;
  /** The way to the gateways, which are in this program: it does not listen yet. */
  readonly channels: SessionsCtx['channels'];
};

/**
 * Makes sure that a demo merchant stands: merchant, key, an account at every simulated gateway, a webhook endpoint.
 * Each step is written down as soon as it is done, so a start after a crash goes on where the last one stopped; what
 * was removed meanwhile (database, file or a gateway's journal) is made again.
 */
export async function ensureDemoMerchant(ctx: Ctx, setup: Setup): Promise<DemoFile> {
  const kept = readDemoFile(setup.file);
  let demo = kept !== undefined && (await isKnown(setup.apiWith(kept.api_key))) ? kept : await makeMerchant(ctx, setup);
  for (const gateway of setup.gateways) demo = await ensureAccount(ctx, setup, demo, gateway);
  return await ensureEndpoint(setup, demo);
}

/** False when the database does not know the key: it was removed, or the key revoked. */
async function isKnown(api: MerchantApi): Promise<boolean> {
  const answer = await api({ method: 'GET', path: '/v1/payments?limit=1' });
  if (answer.status === 401) return false;
  expect(answer, 'the demo key to be accepted');
  return true;
}

async function makeMerchant(ctx: Ctx, setup: Setup): Promise<DemoFile> {
  const merchant = await createMerchant(ctx, { name: '演示商户 Demo' });
  const key = await createApiKey(ctx, { merchant_id: merchant.id, livemode: false, name: 'demo', scopes: [...scopes] });
  return remember(setup, { merchant_id: merchant.id, api_key: key.secret.expose(), accounts: [] });
}

async function ensureAccount(ctx: Ctx, setup: Setup, demo: DemoFile, { simulator, journal }: Gateway): Promise<DemoFile> {
  const { merchant_id } = demo;
  const { channel } = simulator;
  const kept = demo.accounts.find((account) => account.channel === channel);
  if (kept?.journal_id === journal.id) return demo;
  if (kept) await retire(ctx, { merchant_id, channel_account_id: kept.channel_account_id });
  const others = demo.accounts.filter((account) => account !== kept);
  const without = kept ? remember(setup, { ...demo, accounts: others }) : demo;
  const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  // Where several gateways take a method, the demo goes to the first of the list.
  const priority = 100 + setup.gateways.findIndex((gateway) => gateway.simulator === simulator);
  const account = await createChannelAccount(ctx, { merchant_id, livemode: false, channel, name: `${channel} 模拟网关`, settings, priority });
  simulator.reportTo?.(settings, `${ctx.config.public_url}/notify/${channel}/${account.id}`);
  await activate({ ...ctx, channels: setup.channels }, simulator, { merchant_id, channel_account_id: account.id }, settings);
  return remember(setup, { ...without, accounts: [...others, { channel, channel_account_id: account.id, journal_id: journal.id }] });
}

/** Where the gateway gives keys for codes: an account without one takes no payment. */
async function activate(
  ctx: SessionsCtx,
  { newSessionCode }: Simulator,
  account: Parameters<typeof showChannelAccount>[1],
  settings: Record<string, unknown>,
): Promise<void> {
  if (!newSessionCode) return;
  const code = new Secret(newSessionCode(settings));
  const { is } = await activateAccount(ctx, { ...account, code });
  if (is !== 'kept') throw new Error(`the demo account was not activated: ${is}`);
}

/** The gateway that knew this account is gone with its journal, so it takes no new payments; a start before may have come this far. */
async function retire(ctx: Ctx, account: { readonly merchant_id: string; readonly channel_account_id: string }): Promise<void> {
  const { state } = await showChannelAccount(ctx, account);
  if (state !== 'closed') await closeChannelAccount(ctx, account);
}

/** The endpoint's secret is shown once, so an endpoint that is not the one in the file is of no use and is stopped. */
async function ensureEndpoint(setup: Setup, demo: DemoFile): Promise<DemoFile> {
  const api = setup.apiWith(demo.api_key);
  const listed = await api({ method: 'GET', path: '/v1/webhook_endpoints?limit=100' });
  const { data } = JSON.parse(expect(listed, 'the list of webhook endpoints')) as { data: { id: string; url: string; state: string }[] };
  const kept = demo.webhook_endpoint;
  if (kept && kept.url === setup.hook_url && data.some((endpoint) => endpoint.id === kept.id)) return demo;
  const useless = data.filter((endpoint) => endpoint.state === 'enabled' && (endpoint.id === kept?.id || endpoint.url === setup.hook_url));
  for (const endpoint of useless) expect(await api({ method: 'POST', path: `/v1/webhook_endpoints/${endpoint.id}/disable` }), 'an old endpoint to be stopped');
  const body = JSON.stringify({ url: setup.hook_url, description: '演示商户收件箱 Demo inbox' });
  const created = JSON.parse(expect(await api({ method: 'POST', path: '/v1/webhook_endpoints', body }), `a webhook endpoint at ${setup.hook_url}`)) as {
    id: string;
    secret: string;
  };
  return remember(setup, { ...demo, webhook_endpoint: { id: created.id, url: setup.hook_url, secret: created.secret } });
}

function remember(setup: Setup, demo: DemoFile): DemoFile {
  writeDemoFile(setup.file, demo);
  return demo;
}

/** The sandbox cannot start without its demo merchant; what the API said names the reason. Its errors hold no secret. */
function expect(answer: MerchantAnswer, wanted: string): string {
  if (answer.status >= 300) throw new Error(`the sandbox expected ${wanted}; the API answered ${answer.status} ${answer.body.slice(0, 500)}`);
  return answer.body;
}
