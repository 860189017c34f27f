import { type Method, methods } from '@heliu/contract';
import { secretFields } from './account-settings.ts';
import type { Channel, NotBuilt } from './define.ts';
import { channels, not_built } from './registry.ts';

/** What a channel can be asked for: nothing but the presence of a key in its declaration. */
export type Capability = { readonly channel: string; readonly name: Channel['name']; readonly experimental: boolean; readonly methods: readonly Method[] };

export function capabilities(registry: ReadonlyMap<string, Channel> = channels): readonly Capability[] {
  return [...registry.values()].map((channel) => ({
    channel: channel.code,
    name: channel.name,
    experimental: channel.experimental !== undefined,
    methods: methodsOf(channel),
  }));
}

/** In the contract's order, whatever order an adapter was written in. */
const methodsOf = (channel: Channel): readonly Method[] => (Object.keys(methods) as Method[]).filter((method) => channel.pay[method] !== undefined);

/** What a channel can do beyond taking payments; the presence of a key again. */
const abilities: readonly { readonly zh: string; readonly en: string; readonly has: (channel: Channel) => boolean }[] = [
  { zh: '关单', en: 'Close an unpaid order', has: ({ close }) => close !== undefined },
  { zh: '付款码撤销', en: 'Reverse a payment-code order', has: ({ reverse }) => reverse !== undefined },
  { zh: '未到达的订单号作废', en: 'Bar an order number', has: ({ bar }) => bar !== undefined },
];

/** `docs/reference/channels.md`: which channel serves which method, and the settings of an account, from the registry. */
export function printChannels(): string {
  const listed = capabilities();
  const rows = (Object.keys(methods) as Method[]).map((method) => {
    const served = listed.map(({ experimental, methods: taken }) => (taken.includes(method) ? (experimental ? '⚗' : '✓') : ''));
    return `| \`${method}\` | ${methods[method].zh}<br>${methods[method].en} | ${served.join(' | ')} |`;
  });
  const marks = abilities.map(({ zh, en, has }) => `| ${zh} | ${en} | ${[...channels.values()].map((channel) => (has(channel) ? '✓' : '')).join(' | ')} |`);
  return `${heading}
| 支付方式 Method | | ${listed.map(({ name }) => `${name.zh}<br>${name.en}`).join(' | ')} |
|---|---|${listed.map(() => ':-:|').join('')}
${[...rows, ...marks].join('\n')}

${[...printExperimental(), ...not_built.map(printNotBuilt)].join('\n')}

${[...channels.values()].map(printSettings).join('\n')}`;
}

const heading = `<!-- Generated from server/channels/registry.ts by "npm run gen": do not edit. -->

# 渠道 · Channels

下表由各渠道的声明生成：渠道声明了某支付方式，才能受理它。所有渠道都支持查询、退款、退款查询与通知。
⚗ 为试验性渠道：上游细节尚未全部确认，未确认之处列于表后。没有「关单」的渠道，订单只随有效期结束。

This table is made from the channels' declarations: a channel that declares a method takes it. Every channel queries, refunds,
queries refunds and reads notifications. ⚗ marks an experimental channel: details of its upstream are unconfirmed, and listed below the table.
Where a channel does not close, an order ends by its time alone.
`;

const printExperimental = (): readonly string[] =>
  [...channels.values()].flatMap(({ name, experimental }) =>
    experimental === undefined ? [] : [`- ⚗ **${name.zh} ${name.en}**：${experimental.zh} ${experimental.en}`],
  );

const printNotBuilt = ({ name, missing }: NotBuilt): string => `- **${name.zh} ${name.en}**：未实现。${missing.zh} Not built. ${missing.en}`;

function printSettings(channel: Channel): string {
  const secrets = secretFields(channel);
  const required: readonly string[] = channel.config.required ?? [];
  const rows = Object.entries(channel.config.properties).map(([name, schema]) => {
    const description = 'description' in schema ? String(schema.description).replace(/[<|]/g, '\\$&') : '';
    const notes = [required.includes(name) ? '必填 required' : '可选 optional', ...(secrets.includes(name) ? ['加密保存 sealed'] : [])];
    return `| \`${name}\` | ${notes.join(', ')} | ${description} |`;
  });
  return `## ${channel.name.zh} · ${channel.name.en} (\`${channel.code}\`)

| 设置 Setting | | 说明 Description |
|---|---|---|
${rows.join('\n')}
`;
}
