import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../kernel/time.ts';
import { call_faults, type Faults } from '../../kit/faults.ts';
import type { Fault } from '../../kit/simulator.ts';
import { parseForm, writeAnswer } from '../message.ts';
import type { Fields } from '../sign.ts';
import type { Bills } from './bills.ts';
import type { Pages } from './cashier.ts';
import type { Holds } from './holds.ts';
import type { Ledger, Merchant } from './ledger.ts';
import type { Seal } from './seal.ts';
import { messageOf, type Outcome, type Trades } from './trades.ts';

/** What an answer repeats of its request. */
const echoed = ['accessType', 'bizType', 'currencyCode', 'encoding', 'merId', 'orderId', 'txnAmt', 'txnSubType', 'txnTime', 'txnType', 'version'];

const proxy_page = '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>';

type Parts = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly seal: Seal;
  readonly faults: Faults;
  readonly trades: Trades;
  readonly holds: Holds;
  readonly pages: Pages;
  readonly bills: Bills;
};

/** The addresses `/gateway/api/*.do`: a form comes in, `name=value` that is not URL-encoded goes out. */
export function createGateway({ clock, ledger, seal, faults, trades, holds, pages, bills }: Parts) {
  /** What a fault that speaks for the gateway says in its place. */
  function faultOutcome(fault: Fault | undefined): Outcome | undefined {
    if (fault?.kind === 'server_error') return { code: '06' };
    if (fault?.kind === 'rate_limit') return { code: '37' };
    if (fault?.kind === 'unlisted_code') return { code: 'ZZ' };
    return fault?.kind === 'error_code' ? { code: fault.code ?? '99' } : undefined;
  }

  function isReturn(merchant: Merchant | undefined, fields: Fields): boolean {
    return merchant !== undefined && ledger.findReturn(merchant.mer_id, fields.get('orderId') ?? '', fields.get('txnTime') ?? '') !== undefined;
  }

  /** The name by which faults mean a call. */
  function nameOf(endpoint: string, merchant: Merchant | undefined, fields: Fields): string {
    if (endpoint === 'file') return 'bill';
    if (endpoint === 'queryTrans') return isReturn(merchant, fields) ? 'refund_query' : 'query';
    const type = fields.get('txnType');
    return type === '99' ? 'reverse' : type === '04' || type === '31' ? 'refund' : 'pay';
  }

  function run(endpoint: string, merchant: Merchant, fields: Fields, on: string): Outcome {
    if (on === 'query' || on === 'refund_query')
      return faults.take(on, ['not_found_lag']) ? { code: '34' } : (holds.query(merchant, fields) ?? trades.query(merchant, fields));
    if (holds.isOne(fields)) return holds.take(merchant, fields);
    if (on === 'bill') return bills.file(merchant, fields);
    if (on === 'refund') return trades.giveBack(merchant, fields, faults.take('refund', ['refund_fails']) !== undefined);
    return on === 'reverse' ? trades.reverse(merchant, fields) : trades.consume(merchant, endpoint, fields);
  }

  /** Signature first, then the merchant's rights, then the trade. */
  function judge(endpoint: string, merchant: Merchant | undefined, fields: Fields, on: string): Outcome {
    if (!merchant) return { code: '31' };
    if (!seal.isSignedBy(fields, merchant)) return { code: '11' };
    return run(endpoint, merchant, fields, on);
  }

  async function serve(endpoint: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const fields = parseForm(request.body as Buffer) ?? new Map<string, string>();
    const merchant = ledger.merchants.get(fields.get('merId') ?? '');
    const on = nameOf(endpoint, merchant, fields);
    const fault = faults.take(on, call_faults);
    if (fault?.kind === 'slow') await clock.sleep(fault.ms ?? 0);
    if (fault?.kind === 'drop_before') return drop(reply);
    if (fault?.kind === 'server_error' && fault.code !== undefined) return reply.code(Number(fault.code)).type('text/html').send(proxy_page);
    const { code, fields: own } = faultOutcome(fault) ?? judge(endpoint, merchant, fields, on);
    if (fault?.kind === 'drop_after') return drop(reply);
    if (fault?.kind === 'html_answer') return reply.code(200).type('text/html').send(proxy_page);
    const repeated = echoed.flatMap((name) => (fields.has(name) ? [[name, fields.get(name) as string] as const] : []));
    const answer = new Map([...repeated, ...Object.entries(own ?? {}), ['respCode', code] as const, ['respMsg', messageOf(code)] as const]);
    const sealing = fault?.kind === 'unsigned_answer' ? 'none' : fault?.kind === 'bad_signature' ? 'bad' : 'good';
    const body = Buffer.from(writeAnswer(await seal.complete(answer, merchant, sealing)));
    return fault?.kind === 'cut_answer' ? cut(reply, body) : reply.code(200).type('text/html;charset=UTF-8').send(body);
  }

  /** A browser brings this form, and sees a page. */
  function serveFront(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const fields = parseForm(request.body as Buffer) ?? new Map<string, string>();
    const merchant = ledger.merchants.get(fields.get('merId') ?? '');
    if (!merchant) return pages.refuse(reply, '31');
    if (!seal.isSignedBy(fields, merchant)) return pages.refuse(reply, '11');
    const known = ledger.findOrder(merchant.mer_id, fields.get('orderId') ?? '', fields.get('txnTime') ?? '');
    // A browser that goes back and forth sends the form again.
    if (known) return pages.show(reply, known);
    // The page of a hold is not simulated.
    if (holds.isOne(fields)) return pages.refuse(reply, '10');
    const { code, order } = trades.consume(merchant, 'frontTransReq', fields);
    return order ? pages.show(reply, order) : pages.refuse(reply, code);
  }

  return (server: FastifyInstance): void => {
    for (const endpoint of ['backTransReq', 'appTransReq', 'queryTrans']) {
      server.post(`/gateway/api/${endpoint}.do`, (request, reply) => serve(endpoint, request, reply));
    }
    server.post('/file', (request, reply) => serve('file', request, reply));
    server.post('/gateway/api/frontTransReq.do', (request, reply) => serveFront(request, reply));
  };
}

/** An answer that never comes. */
function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

/** Half of an answer whose length promises the whole. */
function cut(reply: FastifyReply, body: Buffer): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'text/html;charset=UTF-8', 'content-length': body.length });
  reply.raw.write(body.subarray(0, Math.floor(body.length / 2)), () => reply.raw.destroy());
  return reply;
}
