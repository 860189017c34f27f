import type { Config } from '../config.ts';
import { environmentName } from '../config.ts';
import { other_names, type Setting, settings } from './settings.ts';

/** `docs/reference/configuration.md`: every setting, from its declaration. */
export function printConfigReference(): string {
  const entries = Object.entries(settings) as [keyof Config, Setting<unknown>][];
  return `${heading}
${entries.map(([name, setting]) => printSetting(name, setting)).join('\n')}
## 其他环境变量 · Other environment variables

| | |
|---|---|
${Object.entries(other_names)
  .map(([name, { zh, en }]) => `| \`${name}\` | ${zh}<br>${en} |`)
  .join('\n')}
`;
}

const heading = `<!-- Generated from server/platform/config/settings.ts by "npm run gen": do not edit. -->

# 配置参考 · Configuration

每一项都可写在环境变量中，或写在启动目录的 \`heliu.config.json\`（允许注释）中；环境变量优先。
机密项另可写在文件里，由 \`名称_FILE\`（环境变量）或 \`名称_file\`（配置文件）指向。
启动时逐项校验，错误会指明是哪一项；不认识的名称会被拒绝。

Each setting is given in the environment or in \`heliu.config.json\` (comments allowed) where the program is started; the
environment wins. A secret may also stand in a file that \`NAME_FILE\` (environment) or \`name_file\` (file) names. All are
checked at the start; an error names the setting, and a name that is not known is refused.
`;

function printSetting(name: keyof Config, setting: Setting<unknown>): string {
  const names = [environmentName(name), ...(setting.aliases ?? [])].map((item) => `\`${item}\``).join(' ');
  return `## \`${name}\`

${setting.zh}

${setting.en}

| | |
|---|---|
| 环境变量 Environment | ${names}${setting.secret ? ` \`${environmentName(name)}_FILE\`` : ''} |
| 取值 Values | ${setting.kind.format} |
| 默认 Default | ${printDefault(setting)} |
`;
}

function printDefault(setting: Setting<unknown>): string {
  if (setting.unset_words) return `${setting.unset_words.zh}<br>${setting.unset_words.en}`;
  const { sandbox, production } = setting.unset;
  const print = (value: unknown) => (Array.isArray(value) && value.length === 0 ? '空 none' : `\`${Array.isArray(value) ? value.join(', ') : value}\``);
  return print(sandbox) === print(production) ? print(sandbox) : `沙箱 sandbox ${print(sandbox)} · 生产 production ${print(production)}`;
}
