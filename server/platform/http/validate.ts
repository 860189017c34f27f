import { Ajv, type DefinedError, type ErrorObject, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { TSchema } from 'typebox';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** Names the first thing that is wrong with a value, or undefined. Never changes the value. */
export type Validate = (value: unknown) => Refusal | undefined;

/**
 * Nothing is coerced, filled in or dropped. `allErrors` stays off: one long list of faults is one long piece of work.
 * Types stand beside keywords in other objects in a few schemas, which strict mode would refuse (`strictTypes`).
 */
function createAjv(): Ajv {
  const ajv = new Ajv({
    strict: true,
    strictTypes: false,
    coerceTypes: false,
    useDefaults: false,
    removeAdditional: false,
    allErrors: false,
    verbose: true,
    ownProperties: true,
  });
  ajvFormats.default(ajv, { mode: 'full', formats: ['date-time', 'uri', 'ipv4', 'ipv6'] });
  ajv.addFormat('date-time', { type: 'string', validate: isTime });
  ajv.addFormat('date', { type: 'string', validate: isDay });
  return ajv;
}

/** RFC 3339 has leap seconds, and JavaScript has no instant for them: a time that cannot be read is not one for us. */
function isTime(text: string): boolean {
  const { validate } = fullFormats['date-time'] as { readonly validate: (text: string) => boolean };
  return validate(text) && !Number.isNaN(Date.parse(text));
}

/** A day that the calendar has. ISO 8601 has a year 0, PostgreSQL has none. */
function isDay(text: string): boolean {
  const { validate } = fullFormats.date as { readonly validate: (text: string) => boolean };
  return validate(text) && !text.startsWith('0000');
}

const ajv = createAjv();

/** Checks against a schema of the contract. It is compiled at its first use: hundreds of them at a start were a fifth of it (2026-11-22). */
export function compile(schema: TSchema): Validate {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    compiled ??= ajv.compile(schema);
    return compiled(value) ? undefined : refusalOf(compiled.errors?.[0] as DefinedError & ErrorObject);
  };
}

function refusalOf(error: DefinedError & ErrorObject): Refusal {
  const at = paramOf(error.instancePath);
  const inside = (name: string) => (at === undefined ? name : `${at}.${name}`);
  if (error.keyword === 'required') return refuse('parameter_missing', inside(error.params.missingProperty));
  if (error.keyword === 'additionalProperties') {
    const param = inside(error.params.additionalProperty);
    // In a map it is the name's form that is wrong; in a record the name is not known at all.
    const [form] = Object.keys((error.parentSchema as { patternProperties?: object }).patternProperties ?? {});
    return form === undefined
      ? refuse('parameter_unknown', param)
      : refuse('parameter_invalid', param, { expected: `a name matching ${form}`, expected_zh: `名称须匹配 ${form}` });
  }
  const [expected, expected_zh] = expectation(error);
  return refuse('parameter_invalid', at, { expected, expected_zh });
}

/** `/metadata/colour` → `metadata.colour` */
function paramOf(instance_path: string): string | undefined {
  if (instance_path === '') return undefined;
  return instance_path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}

const type_names: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  integer: ['an integer', '应为整数'],
  number: ['a number', '应为数字'],
  string: ['a string', '应为字符串'],
  boolean: ['true or false', '应为布尔值'],
  object: ['an object', '应为对象'],
  array: ['an array', '应为数组'],
  null: ['null', '应为 null'],
};

const format_names: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  date: ['a day such as 2026-01-31', '应为日期，例如 2026-01-31'],
  'date-time': ['a time such as 2026-01-31T08:00:00+08:00 (RFC 3339)', '应为 RFC 3339 时间，例如 2026-01-31T08:00:00+08:00'],
  uri: ['an absolute URL', '应为完整的 URL'],
  ipv4: ['an IP address', '应为 IP 地址'],
  ipv6: ['an IP address', '应为 IP 地址'],
};

/** A pattern that people can read; longer ones are described. */
const readable_pattern_length_max = 60;

function expectation(error: DefinedError & ErrorObject): readonly [en: string, zh: string] {
  switch (error.keyword) {
    case 'type':
      return type_names[error.params.type] ?? [`of type ${error.params.type}`, `类型应为 ${error.params.type}`];
    case 'minimum':
      return [`at least ${error.params.limit}`, `不得小于 ${error.params.limit}`];
    case 'maximum':
      return [`at most ${error.params.limit}`, `不得大于 ${error.params.limit}`];
    case 'minLength':
      return [`at least ${error.params.limit} characters`, `不得少于 ${error.params.limit} 个字符`];
    case 'maxLength':
      return [`at most ${error.params.limit} characters`, `不得超过 ${error.params.limit} 个字符`];
    case 'maxItems':
      return [`at most ${error.params.limit} items`, `不得超过 ${error.params.limit} 项`];
    case 'maxProperties':
      return [`at most ${error.params.limit} entries`, `不得超过 ${error.params.limit} 个键`];
    case 'uniqueItems':
      return ['items that all differ', '各项不得重复'];
    case 'enum':
      return [`one of ${error.params.allowedValues.join(', ')}`, `应为以下之一：${error.params.allowedValues.join('、')}`];
    case 'format':
      return format_names[error.params.format] ?? [`format ${error.params.format}`, `格式应为 ${error.params.format}`];
    case 'pattern':
      return error.params.pattern.length <= readable_pattern_length_max
        ? [`matching ${error.params.pattern}`, `须匹配 ${error.params.pattern}`]
        : ['text without control or invisible characters', '不得含有控制字符或不可见字符'];
    default:
      return ['as documented', '请参见文档'];
  }
}
