import type { ErrorCode } from '@heliu/contract';
import { api_body_bytes_max, json_depth_max } from '../kernel/limits.ts';
import type { Expected } from './refusals.ts';
import type { GoodRequest } from './requests.ts';

/** One way in which a request is bad, and what it must be told. */
export type Case = Expected &
  (
    | { readonly in: 'body'; readonly raw: string | Uint8Array; readonly headers?: Record<string, string> }
    /** `raw` replaces the parameter: escaped as it stands. */
    | { readonly in: 'params' | 'query'; readonly name: string; readonly raw: string }
  );

type BodyCase = Case & { readonly in: 'body' };
const body = (what: string, raw: string | Uint8Array, codes: readonly ErrorCode[], param?: string, headers?: Record<string, string>): BodyCase => ({
  in: 'body',
  what: `${what} ${typeof raw === 'string' ? raw.slice(0, 120) : ''}`,
  raw,
  codes,
  param,
  ...(headers ? { headers } : {}),
});

/** A JSON object of raw texts: what `JSON.stringify` would never write. */
const rawObject = (fields: Readonly<Record<string, string>>) =>
  `{${Object.entries(fields)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`;
const rawFields = (value: Readonly<Record<string, unknown>>) => Object.fromEntries(Object.entries(value).map(([name, each]) => [name, JSON.stringify(each)]));

/** Bodies that are bad as a whole, whatever the operation wants in them. */
export function bodyCases({ operation, body: good }: GoodRequest): BodyCase[] {
  if (operation.method === 'GET' || good === undefined) return [];
  const text = JSON.stringify(good);
  const json = { 'content-type': 'application/json' };
  const [first = 'x'] = Object.keys(good);
  const twice = `{${text.slice(1, -1) || '"x":1'},${JSON.stringify(first)}:${JSON.stringify(good[first] ?? 1)}}`;
  const malformed = [
    '{',
    text.slice(0, -1),
    `${text} x`,
    `${text}${text}`,
    'nonsense',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '{"a":0x10}',
    '{"a":1 // x\n}',
    '{"a":01}',
    '{"a":"\t"}',
    '\u0000',
    '{"a":１００}',
  ];
  const not_objects = ['null', '[]', `[${text}]`, '1', '"text"', 'true'];
  const media_types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'Application/JSON2',
    'application/json\t; charset=utf-8',
    'application/json; charset=gbk',
    'application/json; charset=utf-8; x=1',
    'application/jsonp',
    'application/json, text/plain',
    'text/json',
  ];
  return [
    ...malformed.map((raw) => body('malformed', raw, ['malformed_json'])),
    body('not UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), ['malformed_json']),
    body('a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]), ['malformed_json']),
    body('UTF-16', Buffer.from(text, 'utf16le'), ['malformed_json']),
    ...not_objects.map((raw) => body('not an object', raw, ['parameter_invalid'])),
    body('A-13 a key twice', twice, ['duplicate_json_key'], first),
    body(
      'A-13 a key twice, written otherwise',
      twice.replace(new RegExp(`"${first}":(?=[^,]*}$)`), `"\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${first.slice(1)}":`),
      ['duplicate_json_key'],
      first,
    ),
    ...['__proto__', 'constructor', 'prototype'].map((name) =>
      body('A-15', `{"${name}":{"polluted":true}${good && text !== '{}' ? `,${text.slice(1)}` : '}'}`, ['parameter_unknown'], name),
    ),
    ...['state', 'paid_at', 'merchant_id', 'livemode', 'version', 'id', 'fee_rate_ppm', 'Amount_fen', 'toString', '支付', ''].map((name) =>
      body('A-11 an unknown field', JSON.stringify({ ...good, [name]: 1 }), ['parameter_unknown'], name),
    ),
    body('A-16 a megabyte', JSON.stringify({ ...good, x: 'a'.repeat(1024 * 1024) }), ['body_too_large']),
    body('A-16 a byte too much', JSON.stringify({ x: 'a'.repeat(api_body_bytes_max - '{"x":""}'.length + 1) }), ['body_too_large']),
    body('A-16 as large as may be', JSON.stringify({ x: 'a'.repeat(api_body_bytes_max - '{"x":""}'.length) }), ['parameter_unknown', 'parameter_missing']),
    body('A-16 deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, ['parameter_invalid']),
    body('A-16 deep and never closed', '['.repeat(60_000), ['parameter_invalid']),
    body('A-16 a little too deep', `{"x":${'['.repeat(json_depth_max)}${']'.repeat(json_depth_max)}}`, ['parameter_invalid']),
    body('A-16 many keys', JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, 1]))), [
      'parameter_unknown',
      'parameter_missing',
    ]),
    ...media_types.map((type) => body(`A-14 ${JSON.stringify(type)}`, text, ['unsupported_media_type'], undefined, { 'content-type': type })),
    body('A-14 an encoding', text, ['unsupported_media_type'], undefined, { ...json, 'content-encoding': 'gzip' }),
  ];
}

/** What goes wrong with the values of one type: raw JSON, and the codes that name it. */
const wrong_integers: readonly (readonly [raw: string, code: ErrorCode])[] = [
  ['"100"', 'parameter_invalid'],
  ['"１００"', 'parameter_invalid'],
  ['""', 'parameter_invalid'],
  ['0.5', 'number_not_integer'],
  ['100.0', 'number_not_integer'],
  ['1e3', 'number_not_integer'],
  ['1E2', 'number_not_integer'],
  ['-1', 'parameter_invalid'],
  ['9007199254740993', 'parameter_invalid'],
  ['-9007199254740993', 'parameter_invalid'],
  ['99999999999999999999', 'parameter_invalid'],
  ['1e400', 'number_not_integer'],
  ['null', 'parameter_invalid'],
  ['true', 'parameter_invalid'],
  ['[100]', 'parameter_invalid'],
  ['{}', 'parameter_invalid'],
];
const not_strings = ['1', '0', 'null', 'true', '[]', '["a"]', '{}'];
/** Control characters, bidirectional overrides, invisible characters, lone surrogates, a byte order mark. */
const hidden_texts = [
  '\\u0000',
  'a\\u0000b',
  'a\\nb',
  '\\u007f',
  '\\u0085',
  '\\u200b',
  'a\\u200fb',
  '\\u202eabc',
  '\\u2066',
  '\\ud800',
  'a\\udc00b',
  '\\ufeff',
  '\\t',
];

type Schema = { readonly [keyword: string]: unknown } & {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
};

/** Every field of the body, wrong in every way that its schema names. */
export function field_cases({ operation, body: good }: GoodRequest): BodyCase[] {
  const schema = operation.body;
  if (!schema || good === undefined) return [];
  const missing = (schema.required ?? []).map((name) => {
    const { [name]: _left_out, ...rest } = good;
    return body('missing', JSON.stringify(rest), ['parameter_missing'], name);
  });
  const fields = Object.entries(schema.properties as unknown as Record<string, Schema>).flatMap(([name, field]) =>
    wrongValues(field).map(([raw, code, inside]) =>
      body(`${name}`, rawObject({ ...rawFields(good), [name]: raw }), [code], inside === undefined ? name : `${name}.${inside}`),
    ),
  );
  return [...missing, ...fields];
}

type WrongValue = readonly [raw: string, code: ErrorCode, inside?: string];

function wrongValues(schema: Schema): WrongValue[] {
  const invalid = (raws: readonly string[]): WrongValue[] => raws.map((raw) => [raw, 'parameter_invalid']);
  if (schema.type === 'integer') {
    const { minimum, maximum } = schema;
    return [...wrong_integers, ...invalid([...(minimum === undefined ? [] : [`${minimum - 1}`]), ...(maximum === undefined ? [] : [`${maximum + 1}`])])];
  }
  if (schema.type === 'array') {
    const good = schema.items?.enum?.[0] ?? 'shop.example';
    return [
      ...invalid(['null', `"${good}"`, '{}', '1']),
      ['["no such thing"]', 'parameter_invalid', '0'],
      ['[null]', 'parameter_invalid', '0'],
      // Where texts are no items at all, the first one is wrong already.
      schema.items?.type === 'object' ? [`["${good}","${good}"]`, 'parameter_invalid', '0'] : [`["${good}","${good}"]`, 'parameter_invalid'],
      ...invalid(schema.minItems ? ['[]'] : []),
    ];
  }
  // A field that null clears.
  if (schema.anyOf) return schema.anyOf.flatMap((member) => (member.type === 'null' ? [] : wrongValues(member))).filter(([raw]) => raw !== 'null');
  if (schema.type === 'boolean') return invalid(['null', '"true"', '1', '0', '[]', '{}']);
  if (schema.type === 'object') return schema.properties ? objectCases() : recordCases();
  return [...invalid(not_strings), ...invalid(wrongTexts(schema)), ...hostlessCases(schema)];
}

/** A URL without a host: where the schema does not see it, whoever would have to call it does. */
const hostlessCases = ({ format, pattern = '' }: Schema): WrongValue[] =>
  format === 'uri' ? [['"https://"', new RegExp(pattern).test('https://') ? 'webhook_url_refused' : 'parameter_invalid']] : [];

function wrongTexts({ maxLength, minLength, pattern, format, enum: values }: Schema): string[] {
  const quoted = (text: string) => `"${text}"`;
  const hidden = pattern || values || format ? hidden_texts.map(quoted) : [];
  return [
    ...hidden,
    ...(maxLength === undefined ? [] : [quoted('a'.repeat(maxLength + 1))]),
    ...(minLength || pattern?.startsWith('^[a-z]{3}') || values || format ? ['""'] : []),
    ...(values
      ? [
          quoted('nothing'),
          quoted((values[0] as string).toUpperCase() === values[0] ? (values[0] as string).toLowerCase() : (values[0] as string).toUpperCase()),
          quoted(`${values[0]} `),
        ]
      : []),
    ...(pattern?.includes('{26}') ? wrongIds(pattern).map(quoted) : []),
    ...(format === 'uri'
      ? ['javascript:alert(1)', '//evil.example', 'ftp://x.example/', 'not a url', 'data:text/html,x', 'https://x.example/\\u202e', 'https://x .example/'].map(
          quoted,
        )
      : []),
  ];
}

/** Ids of another kind, another length, another alphabet, with more behind them. */
function wrongIds(pattern: string): string[] {
  const prefix = pattern.slice(1, 4);
  const tail = '01KAMDZ2Q0W3V5X7Y9ZBCDEFGH';
  return [
    `${prefix === 'pay' ? 'ref' : 'pay'}_${tail}`,
    `${prefix}_${tail.slice(1)}`,
    `${prefix}_${tail}0`,
    `${prefix}_${tail.toLowerCase()}`,
    `${prefix.toUpperCase()}_${tail}`,
    `${prefix}_${tail.replace('Q', 'I')}`,
    `${prefix}-${tail}`,
    `${prefix}_${tail}' or '1'='1`,
    `${prefix}_`,
    tail,
    '0',
    '*',
  ];
}

/** An object with fields of its own; what each of them must be, its own schema's cases say. */
const objectCases = (): WrongValue[] => [
  ...['null', '[]', '"x"', '1', 'true'].map((raw): WrongValue => [raw, 'parameter_invalid']),
  ['{"k":1.5}', 'number_not_integer', 'k'],
  ['{"k":"a","k":"b"}', 'duplicate_json_key', 'k'],
  ['{"__proto__":"a"}', 'parameter_unknown', '__proto__'],
];

function recordCases(): WrongValue[] {
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`k${at}`, 'x']));
  return [
    ...['null', '[]', '"x"', '1', 'true', '[["a","b"]]', JSON.stringify(many)].map((raw): WrongValue => [raw, 'parameter_invalid']),
    ...['1', 'null', '{}', '[]', 'true'].map((raw): WrongValue => [`{"k":${raw}}`, 'parameter_invalid', 'k']),
    ['{"k":1.5}', 'number_not_integer', 'k'],
    ['{"k":"a","k":"b"}', 'duplicate_json_key', 'k'],
    ['{"__proto__":"a"}', 'parameter_unknown', '__proto__'],
    [`{"k":"${'a'.repeat(501)}"}`, 'parameter_invalid', 'k'],
    [`{"${'k'.repeat(41)}":"a"}`, 'parameter_invalid', 'k'.repeat(41)],
    ['{"":"a"}', 'parameter_invalid', ''],
    ['{"a b":"a"}', 'parameter_invalid', 'a b'],
    ['{"键":"a"}', 'parameter_invalid', '键'],
    ...hidden_texts.map((text): WrongValue => [`{"k":"${text}"}`, 'parameter_invalid', 'k']),
  ];
}

/** Path parameters that are not of their form. */
export function paramCases({ operation }: GoodRequest): Case[] {
  return Object.entries((operation.params?.properties ?? {}) as unknown as Record<string, Schema>).flatMap(([name, { pattern = '' }]) => {
    const raws = pattern.includes('{26}')
      ? [...wrongIds(pattern).map(encodeURIComponent), '%00', '%E2%80%AE', '..%2f..%2fetc', 'x%0d%0aSet-Cookie%3a%20a']
      : ['%00', 'a%20b', '%E2%80%AE', 'a%2Fb', '%E8%AE%A2', 'a'.repeat(65), 'a%0ab', '%22', '%27%20or%201%3D1'];
    return raws.map((raw): Case => ({ in: 'params', name, raw, what: `${name} ${raw}`, codes: ['parameter_invalid'], param: name }));
  });
}

/** What a query must not be, by the types of its parameters. */
export function queryCases({ operation }: GoodRequest): Case[] {
  const properties = (operation.query?.properties ?? {}) as unknown as Record<string, Schema>;
  const query = (name: string, value: string, code: ErrorCode = 'parameter_invalid', param = name): Case => ({
    in: 'query',
    name,
    raw: `${encodeURIComponent(name)}=${value}`,
    what: `?${name}=${value.slice(0, 100)}`,
    codes: [code],
    param,
  });
  const unknown = ['x', 'merchant_id', 'livemode', 'sort', 'limit[]', '__proto__', 'constructor', 'Limit'].map((name) => query(name, '1', 'parameter_unknown'));
  const known = Object.entries(properties).flatMap(([name, schema]) => {
    const values =
      schema.type === 'integer'
        ? [
            String((schema.minimum ?? 0) - 1),
            String((schema.maximum ?? 0) + 1),
            '-1',
            '1.5',
            '1e1',
            'abc',
            '',
            '+5',
            '05',
            '%205',
            '0x10',
            '9007199254740993',
            '%EF%BC%91',
            'null',
            '%00',
          ]
        : schema.enum
          ? ['nothing', '', 'PAID', 'paid%00', '%27%20or%201%3D1', 'null']
          : schema.format === 'date-time'
            ? [
                '',
                '0',
                'now',
                '2026-11-22',
                '2026-13-01T00:00:00Z',
                '2026-02-30T00:00:00Z',
                '2026-11-22T25:00:00Z',
                '2026-11-22T00:00:00',
                '2026-11-22T00:00:00%2B99:00',
                '2026-11-22T00:00:00Z%00',
                '2026-12-31T23:59:60Z',
                '2026-11-22T00:00:00ZZ',
                '%D9%A2026-11-22T00:00:00Z',
              ]
            : schema.pattern
              ? // A free text may have a space.
                ['', '%00', 'a%20b', 'a'.repeat(65), '%E2%80%AE'].filter((value) => value !== 'a%20b' || !new RegExp(schema.pattern ?? '', 'u').test('a b'))
              : ['a'.repeat(201)];
    return [...values.map((value) => query(name, value)), { ...query(name, `1&${name}=1`), what: `A-13 ${name} twice` }];
  });
  return [...unknown, ...known];
}
