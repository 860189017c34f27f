import type { NextAction } from '@heliu/contract';
import type { Handed } from '../channels/kit/wallet-browser.ts';
import { channels } from '../channels/registry.ts';
import { gateway_authority } from './gateways.ts';
import type { WireAnswer } from './node.ts';
import type { World } from './world.ts';

/** A payer's phone: the browser of one wallet, before the page of one order. */
export type Phone = {
  /** Loads the page and presses, as often as it takes, until the wallet shows an order: its number there. Undefined when the page leads to none. */
  readonly order: () => Promise<string | undefined>;
  /** Comes back from the wallet and stays before the page, until it tells of an end or the payer has seen enough. */
  readonly watch: () => Promise<void>;
};

/** `url`: of the page; `channel`: that of the wallet whose own browser this is; `node`: the one that takes all requests, where that matters. */
export type PhoneOptions = { readonly url: string; readonly channel: string; readonly node?: number | undefined };

/** What stands on a page, as far as a payer and its wallet go by it. */
type Page = {
  readonly methods: readonly string[];
  readonly action: NextAction | { readonly type: 'hop'; readonly url: string } | undefined;
  /** What the script compares with what the server tells; undefined on a page that waits for nothing. */
  readonly stamp: string | undefined;
  readonly is_over: boolean;
};

/** Pages that a payer loads before it gives up: a sign-in takes three, and answers that are lost cost one each. */
const pages_max = 12;
const presses_max = 3;
const reload_ms = 3_000;
/** As the page's script asks, behind a proxy that lets no stream through; a payer who waits longer than this does something else. */
const look_ms = 1_500;
const looks_max = 4;
const redirects_max = 5;

export function openPhone({ sim, network, gateways }: World, { url, channel, node }: PhoneOptions): Phone {
  const simulator = gateways.simulators.get(channel);
  const user_agent = simulator?.browser?.user_agent;
  if (user_agent === undefined) throw new Error(`${channel} has no wallet with a browser`);
  let cookie: string | undefined;

  /** Undefined where a person sees an error, or nothing at all. */
  async function ask(method: 'GET' | 'POST', address: string, form?: Readonly<Record<string, string>>): Promise<WireAnswer | undefined> {
    const headers = {
      'user-agent': user_agent as string,
      ...(cookie === undefined ? {} : { cookie }),
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const answer = await network.ask({ method, url: address, headers, body: form && new URLSearchParams(form).toString() }, { node });
    if (answer === undefined || answer.status >= 500 || answer.status === 429) return undefined;
    if (answer.status >= 400) throw new Error(`the page was answered ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`);
    cookie = answer.headers['set-cookie']?.split(';')[0] ?? cookie;
    return answer;
  }

  async function go(method: 'GET' | 'POST', address: string, form?: Readonly<Record<string, string>>): Promise<Page | undefined> {
    let answer = await ask(method, address, form);
    for (let redirects = 0; redirects < redirects_max && answer?.headers.location !== undefined; redirects++)
      answer = await ask('GET', new URL(answer.headers.location, url).href);
    return answer && readPage(answer.body.toString('utf8'));
  }

  /** The wallet finds out who this is, and sends the browser back. */
  async function signIn(address: string): Promise<Page | undefined> {
    const { headers } = await gateways.browse({ method: 'GET', url: address, headers: { 'user-agent': user_agent as string } });
    if (headers.location === undefined) throw new Error(`${channel} signs nobody in at ${address}`);
    return go('GET', headers.location);
  }

  /** The wallet checks what the page hands it, and shows the order. */
  async function hand(params: Readonly<Record<string, string>>): Promise<string | undefined> {
    const json = { 'content-type': 'application/json' };
    const answer = await gateways.browse({
      method: 'POST',
      url: `http://${gateway_authority}/sim/${channel}/bridge/open`,
      headers: json,
      body: JSON.stringify(params),
    });
    const handed = JSON.parse(answer.body.toString('utf8')) as Handed;
    // While the wallet's own account is paused the gateway beside the wallets takes its payers, with orders that no wallet here knows.
    if ('problem' in handed && takesPage(gateways.further?.channel, channel)) return undefined;
    if ('problem' in handed) throw new Error(`${channel} does not take what the page hands it: ${handed.problem}`);
    return handed.order.order_no;
  }

  /** Until the server tells of something new. */
  async function changed(stamp: string): Promise<boolean> {
    for (let looks = 0; looks < looks_max; looks++) {
      await sim.sleep(look_ms * 2 ** looks);
      const answer = await ask('GET', `${url}/status`);
      if (answer && JSON.parse(answer.body.toString('utf8')).stamp !== stamp) return true;
    }
    return false;
  }

  return {
    order: async () => {
      let page = await go('GET', url);
      let presses = 0;
      for (let pages = 1; pages < pages_max; pages++) {
        if (page?.is_over) return undefined;
        if (page?.action?.type === 'invoke') return hand(page.action.params);
        if (page?.action?.type === 'hop') page = await signIn(page.action.url);
        else if (page?.methods[0] !== undefined) {
          // A page that goes on showing its buttons takes nobody: its merchant or account is stopped.
          if (presses++ === presses_max) return undefined;
          page = await go('POST', `${url}/pay`, { method: page.methods[0] });
        } else if (page?.stamp !== undefined) page = (await changed(page.stamp)) ? await go('GET', `${url}?go=1`) : undefined;
        else {
          await sim.sleep(reload_ms);
          page = await go('GET', url);
        }
      }
      return undefined;
    },
    watch: async () => {
      const page = await go('GET', `${url}?back=1`);
      if (page?.stamp !== undefined) await changed(page.stamp);
    },
  };
}

/** Whether a page may hand a wallet's payer to this gateway. */
function takesPage(gateway: string | undefined, wallet_channel: string): boolean {
  const taken = Object.keys(channels.get(gateway ?? '')?.pay ?? {});
  return taken.includes(wallet_channel === 'alipay' ? 'alipay_jsapi' : 'wechat_jsapi');
}

function readPage(text: string): Page {
  const [, attributes = ''] = /<body ([^>]*)>/.exec(text) ?? [];
  const attributeOf = (name: string): string | undefined => {
    const written = new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1];
    return written?.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => entities[entity] as string);
  };
  const action = attributeOf('data-action');
  return {
    methods: [...text.matchAll(/name="method" value="(\w+)"/g)].map(([, method = '']) => method),
    action: action === undefined ? undefined : JSON.parse(action),
    stamp: attributeOf('data-watch') === 'all' ? attributeOf('data-stamp') : undefined,
    is_over: /^(paid|closed)/.test(attributeOf('data-stamp') ?? ''),
  };
}

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
