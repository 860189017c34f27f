import type { FastifyReply } from 'fastify';

/** What only the pages' own endpoints can answer; everything else is in the contract. The shape is the same, so that a page shows both alike. */
const problems = {
  request_refused: [
    403,
    'Only pages of this installation may use this. Open it at the address that it prints when it starts, or set public_url to the one you use.',
    '只有本机页面可以使用该接口。请用启动时显示的地址打开，或把 public_url 设为你所用的地址。',
  ],
  order_unknown: [
    404,
    'No wallet here knows this code or order. It may be mistyped, or the order may be of another gateway.',
    '没有钱包认识该二维码或订单，请检查内容是否完整。',
  ],
  act_refused: [409, 'The gateway did not take this.', '网关未受理该操作。'],
  wallet_unknown: [404, 'There is no such wallet.', '钱包不存在。'],
  endpoint_missing: [409, 'The inbox has no webhook endpoint yet.', '收件箱尚无 Webhook 端点。'],
  too_many_pages: [503, 'Too many pages are watching. Close some.', '打开的页面过多，请关闭一些。'],
} as const satisfies Record<string, readonly [status: number, message: string, message_zh: string]>;
export type Problem = keyof typeof problems;

/** Answers with a problem; `detail` is shown behind the text in both languages, `param` names the field. */
export function answerProblem(reply: FastifyReply, code: Problem, more: { readonly detail?: string; readonly param?: string } = {}): FastifyReply {
  const [status, message, message_zh] = problems[code];
  const detail = more.detail === undefined ? '' : ` ${more.detail}`;
  const error = {
    code,
    message: message + detail,
    message_zh: message_zh + detail,
    ...(more.param === undefined ? {} : { param: more.param }),
    request_id: reply.request.id,
  };
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify({ error }));
}
