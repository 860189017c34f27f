import { type Call, createCall } from './call.ts';
import { type Resources, resourcesOf, sdk_version } from './operations.gen.ts';
import { defaultRuntime, type Runtime } from './runtime.ts';
import { createSigner, type Signing } from './signature.ts';

/** How to reach an installation of Heliu, and as whom: with an API key, or by signing requests. */
export type HeliuOptions = {
  /** Where the installation is reached: `https://pay.example.com`. */
  readonly baseUrl: string;
  /** For each try; 30000 unless given. Creating a payment may wait 10 s for the channel. */
  readonly timeoutMs?: number;
  /** After the first try; 3 unless given. */
  readonly maxRetries?: number;
  /** Lets plain http be used beyond this machine. An API key then crosses the network in clear. */
  readonly allowHttp?: boolean;
  /** Parts of the runtime to use instead of the platform's: a `fetch` through a proxy, a clock for tests. */
  readonly runtime?: Partial<Runtime>;
} & Credentials;

type Credentials =
  /** `sk_test_…` or `sk_live_…`. May be undefined in the type only, so that an environment variable can be passed as it is. */
  { readonly apiKey: string | undefined; readonly signing?: never } | { readonly signing: Signing; readonly apiKey?: never };

/**
 * A client of the merchant API. Field names are those of the wire (`snake_case`), amounts are whole fen 分.
 *
 *     const heliu = new Heliu({ baseUrl: 'https://pay.example.com', apiKey: process.env.HELIU_API_KEY });
 *     const payment = await heliu.payments.create({ merchant_order_no: 'A-1001', amount_fen: 100, subject: 'Tea', method: 'wechat_qr' });
 */
export class Heliu implements Resources {
  readonly payments: Resources['payments'];
  readonly checkoutSessions: Resources['checkoutSessions'];
  readonly cashierSettings: Resources['cashierSettings'];
  readonly helpRequests: Resources['helpRequests'];
  readonly refunds: Resources['refunds'];
  readonly routing: Resources['routing'];
  readonly events: Resources['events'];
  readonly webhookEndpoints: Resources['webhookEndpoints'];
  readonly stores: Resources['stores'];
  readonly terminals: Resources['terminals'];
  readonly plates: Resources['plates'];
  readonly devices: Resources['devices'];
  readonly shifts: Resources['shifts'];
  readonly prices: Resources['prices'];
  readonly ledgerBalances: Resources['ledgerBalances'];
  readonly margins: Resources['margins'];
  readonly statements: Resources['statements'];
  readonly plateBatches: Resources['plateBatches'];
  readonly billDays: Resources['billDays'];
  readonly reconExceptions: Resources['reconExceptions'];
  readonly bankCredits: Resources['bankCredits'];
  readonly dailyCloses: Resources['dailyCloses'];

  constructor(options: HeliuOptions) {
    const resources = resourcesOf(callOf(options));
    this.payments = resources.payments;
    this.checkoutSessions = resources.checkoutSessions;
    this.cashierSettings = resources.cashierSettings;
    this.helpRequests = resources.helpRequests;
    this.refunds = resources.refunds;
    this.routing = resources.routing;
    this.events = resources.events;
    this.webhookEndpoints = resources.webhookEndpoints;
    this.stores = resources.stores;
    this.terminals = resources.terminals;
    this.plates = resources.plates;
    this.devices = resources.devices;
    this.shifts = resources.shifts;
    this.prices = resources.prices;
    this.ledgerBalances = resources.ledgerBalances;
    this.margins = resources.margins;
    this.statements = resources.statements;
    this.plateBatches = resources.plateBatches;
    this.billDays = resources.billDays;
    this.reconExceptions = resources.reconExceptions;
    this.bankCredits = resources.bankCredits;
    this.dailyCloses = resources.dailyCloses;
  }
}

/** The credentials live in this closure only: inspecting or serialising a client shows none. */
function callOf(options: HeliuOptions): Call {
  if ('document' in globalThis)
    throw new TypeError('Heliu must not run in a browser: an API key there is public. Call your own server, and let it call Heliu.');
  return createCall({
    runtime: { ...defaultRuntime, ...options.runtime },
    baseUrl: checkBaseUrl(options.baseUrl, options.allowHttp === true),
    userAgent: `heliu-sdk/${sdk_version}`,
    auth: authOf(options),
    timeoutMs: checkWhole('timeoutMs', options.timeoutMs ?? 30_000, 1),
    maxRetries: checkWhole('maxRetries', options.maxRetries ?? 3, 0),
  });
}

function checkBaseUrl(text: string, allow_http: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new TypeError('baseUrl must be an http(s) URL, like https://pay.example.com');
  if (url.username || url.password || url.search || url.hash) throw new TypeError('baseUrl must not carry a user, a query or a fragment');
  if (url.protocol === 'http:' && !allow_http && !isLoopback(url.hostname))
    throw new TypeError('baseUrl must use https beyond this machine; allowHttp permits otherwise');
  return url.href.replace(/\/+$/, '');
}

const isLoopback = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host);

function authOf(options: HeliuOptions) {
  if (options.signing && options.apiKey !== undefined) throw new TypeError('give apiKey or signing, not both');
  if (options.signing) return { signer: createSigner(options.signing) };
  // Checked here, because a header with other characters would be refused by fetch with the whole key in the error's text.
  if (typeof options.apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(options.apiKey))
    throw new TypeError('apiKey must be visible ASCII without spaces, like sk_test_…');
  return { apiKey: options.apiKey };
}

function checkWhole(name: string, value: number, minimum: number): number {
  if (!Number.isSafeInteger(value) || value < minimum) throw new TypeError(`${name} must be a whole number of at least ${minimum}`);
  return value;
}
