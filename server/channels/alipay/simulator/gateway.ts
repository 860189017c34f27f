import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../kernel/time.ts';
import { call_faults, type Faults } from '../../kit/faults.ts';
import type { Fault } from '../../kit/simulator.ts';
import type { Charset } from '../form.ts';
import { encryptContent } from '../sign.ts';
import { type createApis, runApi } from './apis.ts';
import type { Authority } from './authority.ts';
import type { App, Ledger } from './ledger.ts';
import { failure, failureNamed, type Outcome } from './outcome.ts';
import { type Call, isRefusal, mergeParams, nodeOf, readRequest } from './request.ts';
import { encodeText, signBytes } from './text.ts';
import { token_api } from './wallet.ts';

/** Faults that are an answer of their own: the call has no effect. */
export function faultOutcome(fault: Fault | undefined): Outcome | undefined {
  if (fault?.kind === 'server_error') return failure('20000', 'isp.unknow-error', '系统繁忙');
  if (fault?.kind === 'rate_limit') return failure('40005', 'isv.app-call-limited', '应用调用次数超限');
  if (fault?.kind === 'unlisted_code') return failure('40004', fault.code ?? 'ACQ.NEVER_SEEN_BEFORE', '未知错误');
  return fault?.kind === 'error_code' ? failureNamed(fault.code ?? 'ACQ.SYSTEM_ERROR') : undefined;
}

/** An outcome, or what of it is written where the gateway writes no code. */
type Answer = Partial<Outcome> & Pick<Outcome, 'fields'>;

/**
 * Compact JSON as the gateway writes it: code and message first, then the fields by name, `/` escaped. Written once; these
 * very characters are signed and sent.
 */
export function nodeText({ code, msg, sub_code, sub_msg, fields }: Answer): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  const sorted = present.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ code, msg, sub_code, sub_msg, ...Object.fromEntries(sorted) }).replaceAll('/', '\\/');
}

/** An answer that never comes. */
export function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

/** Half of an answer whose length promises the whole. */
export function cut(reply: FastifyReply, body: Buffer): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'text/html;charset=utf-8', 'content-length': body.length });
  reply.raw.write(body.subarray(0, Math.floor(body.length / 2)), () => reply.raw.destroy());
  return reply;
}

export const proxy_page =
  '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>';

/** A signature of the right form over something else. */
export const spoiled = (sign: string): string => `${sign.startsWith('A') ? 'B' : 'A'}${sign.slice(1)}`;

export type GatewayParts = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly authority: Authority;
  readonly faults: Faults;
  readonly apis: ReturnType<typeof createApis>;
  /** Serves a page API that passed the checks, or shows why it did not. */
  readonly pages: {
    readonly apis: ReadonlySet<string>;
    readonly show: (reply: FastifyReply, call: Call) => FastifyReply;
    readonly refuse: (reply: FastifyReply, outcome: Outcome) => FastifyReply;
  };
  readonly newTraceId: () => string;
};

/** The old gateway: every call is one address, every answer is 200 and text/html. */
export function createGateway(parts: GatewayParts) {
  const { clock, ledger, authority, faults, apis, pages, newTraceId } = parts;
  const known = new Set([...apis.keys(), ...pages.apis]);

  async function envelope(
    node: string,
    outcome: Answer,
    app: App | undefined,
    charset: Charset,
    encrypted: boolean,
    fault: Fault | undefined,
  ): Promise<Buffer> {
    const text = encrypted && app ? `"${encryptContent(nodeText(outcome), app.aes_key)}"` : nodeText(outcome);
    // The gateway signs for applications that it knows.
    if (!app || fault?.kind === 'unsigned_answer') return encodeText(`{"${node}":${text}}`, charset);
    const { key, certificate_sn } = await authority.signer(app.trust);
    const sign = signBytes(encodeText(text, charset), key);
    const named = certificate_sn === undefined ? '' : `"alipay_cert_sn":"${certificate_sn}",`;
    return encodeText(`{"${node}":${text},${named}"sign":"${fault?.kind === 'bad_signature' ? spoiled(sign) : sign}"}`, charset);
  }

  const answer = (reply: FastifyReply, body: Buffer, charset: Charset): FastifyReply =>
    reply.code(200).header('trace_id', newTraceId()).type(`text/html;charset=${charset}`).send(body);

  return async function serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const url = request.raw.url ?? '';
    const form = mergeParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '', Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    if (!form) return answer(reply, encodeText(`{"error_response":${nodeText(failure('40002', 'isv.invalid-parameter', '参数有误'))}}`, 'utf-8'), 'utf-8');
    const api = apis.get(form.get('method') ?? '');
    const fault = api && faults.take(api.on, call_faults);
    if (fault?.kind === 'slow') await clock.sleep(fault.ms ?? 0);
    if (fault?.kind === 'drop_before') return drop(reply);
    if (fault?.kind === 'server_error' && /^5\d\d$/.test(fault.code ?? '')) return reply.code(Number(fault.code)).type('text/html').send(proxy_page);
    const call = readRequest(form, ledger, known);
    if (isRefusal(call)) {
      if (pages.apis.has(form.get('method') ?? '')) return pages.refuse(reply, call.outcome);
      return answer(reply, await envelope(call.node, call.outcome, call.app, call.charset, false, undefined), call.charset);
    }
    if (!api) return pages.show(reply, call);
    const outcome = faultOutcome(fault) ?? (await runApi(api, call.caller, call.content));
    // The sign-in's failures stand in the node of errors, and its success has no code.
    const signs_in = call.api === token_api;
    const node = signs_in && outcome.code !== '10000' ? 'error_response' : nodeOf(call.api);
    const body = await envelope(
      node,
      signs_in && outcome.code === '10000' ? { fields: outcome.fields } : outcome,
      call.app,
      call.caller.charset,
      call.encrypted,
      fault,
    );
    if (fault?.kind === 'drop_after') return drop(reply);
    if (fault?.kind === 'html_answer') return reply.code(200).type('text/html').send(proxy_page);
    return fault?.kind === 'cut_answer' ? cut(reply, body) : answer(reply, body, call.caller.charset);
  };
}
