import Type from 'typebox';

/** Fields that several resources share. */

/** Text without control characters, bidirectional overrides, zero-width characters or lone surrogates. */
const plain_text = '^[^\\u0000-\\u001F\\u007F-\\u009F\\u200B-\\u200F\\u202A-\\u202E\\u2066-\\u2069\\uD800-\\uDFFF\\uFEFF]*$';

export const text = (maxLength: number, description: string, minLength = 1) => Type.String({ minLength, maxLength, pattern: plain_text, description });

export const id = (prefix: string, description: string) =>
  Type.String({ pattern: `^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`, description, examples: [`${prefix}_01JD0000000000000000000000`] });

export const instant = (description: string) => Type.String({ format: 'date-time', description: `${description} RFC 3339.` });

/** A day of the calendar in Asia/Shanghai, by which bills, ledgers and statements count. */
export const day = (description: string) =>
  Type.String({ format: 'date', description: `${description} A day in Asia/Shanghai. 北京时间日期。`, examples: ['2026-11-21'] });

export const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const amount = (description: string) =>
  Type.Integer({ minimum: 1, maximum: 10_000_000_000, description: `${description} In fen 分 (1/100 CNY), 1 to 10000000000.`, examples: [100] });

/** An amount that a resource shows: zero is possible. */
export const amountShown = (description: string) => Type.Integer({ minimum: 0, description: `${description} In fen 分.` });

export const currency = Type.Unsafe<'CNY'>({ type: 'string', enum: ['CNY'], description: 'ISO 4217. Only CNY. 币种，目前仅人民币。' });

export const merchantNo = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: '^[0-9A-Za-z_.*@|-]+$',
    description: `${description} 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive.`,
  });

export const Metadata = Type.Record(Type.String({ pattern: '^[0-9A-Za-z_.-]{1,40}$' }), text(500, 'Value 值.', 0), {
  maxProperties: 20,
  additionalProperties: false,
  description: "The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。",
});

export const page_query = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Rows per page, 20 unless told. 每页条数。' })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before. 上一页返回的游标。' })),
};

export const page = <T extends Type.TSchema>(item: T) =>
  Type.Object(
    {
      data: Type.Array(item),
      next_cursor: nullable(Type.String({ description: 'Pass as `cursor` for the next page; null on the last. 下一页游标。' })),
    },
    { additionalProperties: false },
  );

/** The channel's refusal in our words and in its own. */
export const ChannelRefusal = Type.Object(
  {
    reason: Type.String({ description: 'One of the listed refusal reasons. 统一拒绝原因。' }),
    message: Type.String(),
    message_zh: Type.String(),
    channel_code: Type.String({ description: "The channel's own code. 渠道错误码。" }),
    channel_message: nullable(Type.String({ description: "The channel's own text, for people. 渠道错误描述。" })),
  },
  { additionalProperties: false, description: 'Why the channel refused. 渠道拒绝原因。' },
);
