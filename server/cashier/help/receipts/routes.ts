import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cashier_help_bytes_max } from '../../../kernel/limits.ts';
import type { PaymentsCtx } from '../../../payments/ctx.ts';
import type { Language } from '../../page/texts.ts';
import { getSettings } from '../../settings/service.ts';
import { readQuestion } from '../request.ts';
import { askForHelp, openReceipt, type Receipt } from '../service.ts';
import type { DrawnReceipt } from './draw.ts';

type Asked = { readonly Querystring: Readonly<Record<string, unknown>> };
type Request = FastifyRequest<Asked>;

/** What the receipt's page needs of the pages beside it. */
export type Pages = {
  readonly drawReceipt: (
    reply: FastifyReply,
    language: Language,
    color: string | null,
    receipt: Omit<DrawnReceipt, 'assets' | 'theme' | 'language'>,
  ) => FastifyReply;
  readonly lost: (request: Request, reply: FastifyReply) => FastifyReply;
  readonly languageOf: (request: Request, typed?: string) => Language;
  readonly isOwn: (request: Request) => boolean;
  readonly sendLogo: (reply: FastifyReply, logo_png: Buffer) => FastifyReply;
  /** The shop's name as payers see it. */
  readonly shopName: (merchant_id: string, display_name: string | null) => Promise<string>;
};

const nothing_typed = { kind: '', message: '', contact: '' };

/** `/c/receipt`: what a payer keeps of a payment, by a link that nobody can make up. */
export function receiptPages(ctx: PaymentsCtx, scope: FastifyInstance, pages: Pages): void {
  async function opened(request: Request, reply: FastifyReply, then: (receipt: Receipt, token: string) => Promise<FastifyReply>): Promise<FastifyReply> {
    const token = typeof request.query.t === 'string' ? request.query.t : '';
    const receipt = await openReceipt(ctx, token);
    return receipt ? then(receipt, token) : pages.lost(request, reply);
  }
  async function draw(
    request: Request,
    reply: FastifyReply,
    { aggregate, requests }: Receipt,
    token: string,
    said: Pick<DrawnReceipt, 'notice' | 'typed'> & { readonly lang?: string | undefined },
  ): Promise<FastifyReply> {
    const { payment, attempts } = aggregate;
    const { display_name, color, logo_png } = await getSettings(ctx, payment);
    const { notice, typed } = said;
    const lang = said.lang ?? request.query.lang;
    return pages.drawReceipt(reply, pages.languageOf(request, said.lang), color, {
      path: `/c/receipt?t=${token}`,
      shop: { name: await pages.shopName(payment.merchant_id, display_name), has_logo: logo_png !== null },
      livemode: payment.livemode,
      keeps_language: lang === 'zh' || lang === 'en',
      payment,
      accepted: attempts.find(({ id }) => id === payment.accepted_attempt_id),
      requests,
      notice,
      typed,
    });
  }

  scope.get<Asked>('/c/receipt', (request, reply) =>
    opened(request, reply, (receipt, token) =>
      draw(request, reply, receipt, token, { notice: request.query.note === 'sent' ? 'help_sent' : undefined, typed: nothing_typed }),
    ),
  );
  scope.get<Asked>('/c/receipt/logo', (request, reply) =>
    opened(request, reply, async ({ aggregate }) => {
      const { logo_png } = await getSettings(ctx, aggregate.payment);
      return logo_png ? pages.sendLogo(reply, logo_png) : pages.lost(request, reply);
    }),
  );
  scope.post<Asked>('/c/receipt', { bodyLimit: cashier_help_bytes_max }, (request, reply) =>
    opened(request, reply, async (receipt, token) => {
      const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
      const typed = { kind: form.get('kind') ?? '', message: form.get('message') ?? '', contact: form.get('contact') ?? '' };
      const lang = form.get('lang') ?? undefined;
      const question = readQuestion(typed);
      if (!question || !pages.isOwn(request)) return draw(request, reply, receipt, token, { notice: 'help_wrong', typed, lang });
      const { payment } = receipt.aggregate;
      if (!(await askForHelp(ctx, payment, question))) return draw(request, reply, receipt, token, { notice: 'help_waits', typed, lang });
      return reply.redirect(`/c/receipt?t=${token}&note=sent${lang === 'zh' || lang === 'en' ? `&lang=${lang}` : ''}`, 303);
    }),
  );
}
