import type { Config } from '../config.ts';
import { choice, databaseAddress, flag, integer, type Kind, ports, ranges, text, webAddress } from './kind.ts';
import { masterKey } from './master-key.ts';

/**
 * One setting: everything about it stands here once. Its name in the file is its name in `Config`; in the environment the
 * same in capitals with HELIU_ before it.
 */
export type Setting<T> = {
  readonly kind: Kind<T>;
  /** What it is when nobody says, as it would be written; undefined where it must be said or is made. */
  readonly unset: Readonly<Record<Config['mode'], unknown>>;
  /** What the reference says of a default that is not a plain value. */
  readonly unset_words?: { readonly zh: string; readonly en: string };
  /** Other names that it has in the environment. */
  readonly aliases?: readonly string[];
  /** Never printed; `NAME_FILE` and `name_file` name a file that holds it. */
  readonly secret?: true;
  readonly zh: string;
  readonly en: string;
};

const both = (value: unknown): Setting<unknown>['unset'] => ({ sandbox: value, production: value });

/** Every setting. */
export const settings: { readonly [K in keyof Config]: Setting<Exclude<Config[K], undefined>> } = {
  mode: {
    kind: choice('sandbox', 'production'),
    unset: both('sandbox'),
    zh: '`sandbox` 挂载通道模拟器与演示页面；`production` 两者皆无。',
    en: '`sandbox` mounts the channel simulators and the demo pages; `production` has neither.',
  },
  role: {
    kind: choice('all', 'api', 'worker'),
    unset: both('all'),
    zh: '本进程承担的工作：`api` 接受请求，`worker` 轮询查单与投递通知，`all` 两者都做。',
    en: 'What this process does: `api` answers requests, `worker` queries and delivers, `all` does both.',
  },
  host: {
    kind: text,
    unset: both('127.0.0.1'),
    zh: '监听地址。容器内请设为 `0.0.0.0`。',
    en: 'The address to listen on. In a container, `0.0.0.0`.',
  },
  port: {
    kind: integer(0, 65_535),
    unset: both(8080),
    zh: '监听端口；`0` 由系统选择。',
    en: 'The port to listen on; `0` lets the system choose.',
  },
  public_url: {
    kind: webAddress,
    unset: both(undefined),
    unset_words: { zh: '沙箱：`http://127.0.0.1:端口`；生产：必填', en: 'sandbox: `http://127.0.0.1:port`; production: required' },
    zh: '外界访问本系统的地址，是通知地址与链接的前缀；绝不取自 Host 请求头。生产环境须为 https。',
    en: 'How the outside reaches this installation: base of notification URLs and links, never taken from a Host header. Production needs https.',
  },
  data_dir: {
    kind: text,
    unset: both('data'),
    zh: '本机数据目录：内置 PostgreSQL、沙箱主密钥。相对路径以启动目录为准。',
    en: 'Directory for data kept on this machine: the embedded PostgreSQL, the sandbox master key. Relative to where the program is started.',
  },
  database_url: {
    kind: databaseAddress,
    unset: both(undefined),
    unset_words: { zh: '内置 PostgreSQL', en: 'the embedded PostgreSQL' },
    aliases: ['DATABASE_URL'],
    secret: true,
    zh: 'PostgreSQL 15 及以上的地址。',
    en: 'The address of a PostgreSQL, 15 or later.',
  },
  database_pool_max: {
    kind: integer(2, 1000),
    unset: both(20),
    zh: '本进程最多使用的数据库连接数（另有一条用于监听变更）。',
    en: 'Database connections of this process at most (one more listens for changes).',
  },
  master_key: {
    kind: masterKey,
    unset: both(undefined),
    unset_words: {
      zh: '沙箱：首次启动时生成于 `data_dir/master.key`；生产：必填',
      en: 'sandbox: made at the first start in `data_dir/master.key`; production: required',
    },
    secret: true,
    zh: '包裹数据密钥的主密钥，不存入数据库。遗失则所有加密字段无法恢复。用 `openssl rand -base64 32` 生成。',
    en: 'Wraps the data keys and is never in the database. Without it no sealed field can be read again. Make one with `openssl rand -base64 32`.',
  },
  egress_allow: {
    kind: ranges,
    unset: { sandbox: ['127.0.0.0/8', '::1/128'], production: [] },
    zh: '允许外呼的内网地址段；其余私有、链路本地等地址一律拒绝。',
    en: 'Ranges that outgoing calls may reach although they are private; all other private and link-local addresses are refused.',
  },
  webhook_allow_http: {
    kind: flag,
    unset: { sandbox: true, production: false },
    zh: '是否允许向 `http` 地址投递商户通知；仅供开发。',
    en: 'Whether webhooks may go to plain `http` addresses; for development.',
  },
  webhook_ports: {
    kind: ports,
    unset: { sandbox: ['1-65535'], production: [443] },
    zh: '商户通知地址可用的端口。',
    en: 'Ports that webhook addresses may have.',
  },
  rate_limit_per_s: {
    kind: integer(1, 1_000_000),
    unset: both(100),
    zh: '每个 API 密钥每秒的请求上限。',
    en: 'Requests per second and API key.',
  },
  recon_two_persons_from_fen: {
    kind: integer(0, 100_000_000_000),
    unset: both(100_000),
    zh: '风险金额达到该值（分）的对账差错须由两人处理，一次批量处理按合计；`0` 表示全部。',
    en: 'Differences between bills and payments with this much at risk (in fen) and above take two persons, and so do several that come to it in one act; `0`: all.',
  },
  mqtt_port: {
    kind: integer(0, 65_535),
    unset: both(undefined),
    unset_words: { zh: '不启用', en: 'none: no MQTT' },
    zh: '向终端推送收款结果与播报的 MQTT 监听端口（地址同 `host`，不加密：公网须在前面设 TLS 代理）；`0` 由系统选择。',
    en: 'The port on which terminals hear results and announcements by MQTT, at `host`. It is not encrypted: put a TLS proxy before it. `0` lets the system choose.',
  },
  trusted_proxies: {
    kind: ranges,
    unset: both([]),
    zh: '可信反向代理的地址段；仅采信来自它们的 `X-Forwarded-For`。',
    en: 'Ranges of reverse proxies that are trusted: only their `X-Forwarded-For` is believed.',
  },
  log_level: {
    kind: choice('debug', 'info', 'warn', 'error', 'silent'),
    unset: both('info'),
    zh: '日志级别。',
    en: 'The least important level that is logged.',
  },
  sandbox_time_scale: {
    kind: integer(1, 100_000),
    unset: both(1),
    zh: '模拟器的通知重发间隔除以此数。',
    en: "Simulators' notification schedules are divided by this.",
  },
};

/** Names in the environment that begin with HELIU_ and are no settings of the server: other programs read them. */
export const other_names: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  HELIU_CONFIG: { zh: '配置文件路径，默认 `heliu.config.json`。', en: 'Path of the configuration file; `heliu.config.json` by default.' },
  HELIU_URL: { zh: '命令行工具访问的地址。', en: 'Address that the command line tool calls.' },
  HELIU_API_KEY: { zh: '命令行工具使用的 API 密钥。', en: 'API key that the command line tool uses.' },
  HELIU_TEST_DATABASE_URL: { zh: '测试所用的 PostgreSQL。', en: 'PostgreSQL that tests use.' },
  HELIU_VECTORS: { zh: '官方测试向量目录。', en: "Directory of the channels' official test vectors." },
  HELIU_CHROMIUM: { zh: '浏览器测试所用的 Chromium 程序。', en: 'Chromium program that browser tests use.' },
};
