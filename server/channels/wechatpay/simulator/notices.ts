import { formatShanghaiRfc3339 } from '../../../kernel/time.ts';
import { type Faults, type NoticeFault, notice_faults, refund_notice } from '../../kit/faults.ts';
import { writeXml } from '../../kit/gateway/xml.ts';
import type { Told } from '../../kit/simulator.ts';
import { encryptReqInfo, encryptResource, type Signature, signatureHeaders, signV2 } from './crypto.ts';
import { paymentFieldsOf, refundNoticeOf, reqInfoOf, transactionOf } from './views.ts';
import type { Merchant, Notice, Order, Refund, World } from './world.ts';

/**
 * Notifications: sent at once, repeated on WeChat's schedule until the receiver says yes, 15 times over 24 hours.
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4012791882
 */
const retry_after_s = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];
const answer_within_ms = 5_000;

export type Notifier = {
  paid(order: Order): void;
  refunded(order: Order, refund: Refund): void;
  /** Goes on with what the journal says is not delivered. */
  resume(): void;
};

/** `background` runs a task that the simulator's close waits for; `signal` ends every wait. */
export type Background = { readonly run: (task: () => Promise<void>) => void; readonly signal: AbortSignal };

export function createNotifier(world: World, faults: Faults, background: Background): Notifier {
  const { clock, time_scale, send } = world.ports;

  function announce(notice: Notice, about = 'notify'): void {
    const fault = faults.take(about, notice_faults);
    if (fault?.kind === 'notify_lost') return;
    const told = fault ? altered(world, notice, fault) : notice;
    world.put('notice', told);
    const copies = fault?.kind === 'notify_twice' ? (fault.times ?? 2) : 1;
    for (let copy = 0; copy < copies; copy++) background.run(() => deliver(told, fault));
  }

  async function deliver(first: Notice, fault?: NoticeFault): Promise<void> {
    if (fault?.kind === 'notify_delayed') await clock.sleep((fault.ms ?? 60_000) / time_scale, background.signal);
    if (fault?.kind === 'notify_signature_probe' && !background.signal.aborted) await attempt(first, 'probe');
    let notice = first;
    while (!background.signal.aborted) {
      const received = await attempt(notice, 'good');
      const tries = notice.tries + 1;
      const wait_s = retry_after_s[notice.tries];
      notice = { ...notice, tries, state: received ? 'done' : wait_s === undefined ? 'given_up' : 'due' };
      world.put('notice', notice);
      if (notice.state !== 'due' || wait_s === undefined) return;
      await clock.sleep((wait_s * 1000) / time_scale, background.signal);
    }
  }

  /** One send; true when the receiver says that it has it. */
  async function attempt(notice: Notice, how: Signature): Promise<boolean> {
    const merchant = world.tables.merchant.get(notice.mchid);
    if (!merchant) return false;
    const message = notice.form === 'v3' ? messageOfV3(notice, merchant, how) : messageOfV2(notice);
    const done = new AbortController();
    const tooLate = clock.sleep(answer_within_ms, done.signal).then(() => undefined);
    try {
      const answer = await Promise.race([send({ url: notice.url, ...message, ...(notice.told ? { told: notice.told } : {}) }), tooLate]);
      return answer !== undefined && isReceived(notice, answer);
    } catch {
      return false;
    } finally {
      done.abort();
    }
  }

  function messageOfV3(notice: Notice, merchant: Merchant, how: Signature) {
    const body = JSON.stringify({
      id: notice.id,
      create_time: formatShanghaiRfc3339(new Date(notice.created_ms)),
      resource_type: 'encrypt-resource',
      event_type: notice.event_type,
      summary: notice.summary,
      resource: { original_type: notice.original_type, ...encryptResource(world, merchant, notice.content, notice.original_type) },
    });
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'Mozilla/4.0',
      Accept: '*/*',
      'Request-ID': requestId(world, 0),
      ...signatureHeaders(world, merchant, body, how),
    };
    return { headers, body };
  }

  const messageOfV2 = (notice: Notice) => ({ headers: { 'Content-Type': 'text/xml', 'User-Agent': 'Mozilla/4.0', Accept: '*/*' }, body: notice.content });

  return {
    paid(order) {
      if (order.notify_url === undefined || order.trade_type === 'MICROPAY') return;
      const shape = { event_type: 'TRANSACTION.SUCCESS', original_type: 'transaction', summary: '支付成功' };
      announce(
        newNotice(world, order, order.notify_url, {
          form: order.form,
          ...shape,
          content: order.form === 'v3' ? JSON.stringify(transactionOf(order)) : paidXml(world, order),
          told: { order_no: order.out_trade_no, transaction_id: order.transaction_id ?? '' },
        }),
      );
    },
    refunded(order, refund) {
      if (refund.notify_url === undefined) return;
      const shape = { event_type: `REFUND.${refund.state}`, original_type: 'refund', summary: refund.state === 'SUCCESS' ? '退款成功' : '退款异常' };
      const content = refund.form === 'v3' ? JSON.stringify(refundNoticeOf(order, refund)) : refundedXml(world, order, refund);
      const done: Told = { order_no: order.out_trade_no, transaction_id: order.transaction_id ?? '', refund_no: refund.out_refund_no };
      announce(
        newNotice(world, order, refund.notify_url, { form: refund.form, ...shape, content, ...(refund.state === 'SUCCESS' ? { told: done } : {}) }),
        refund_notice,
      );
    },
    resume() {
      for (const notice of world.tables.notice.values()) if (notice.state === 'due') background.run(() => deliver(notice));
    },
  };
}

/** `-0` on success, otherwise the gateway's finer error number. */
export const requestId = (world: World, code: number): string => `08${world.hex(38).toUpperCase()}-${code}`;

function newNotice(
  world: World,
  order: Order,
  url: string,
  fields: Pick<Notice, 'form' | 'event_type' | 'original_type' | 'summary' | 'content' | 'told'>,
): Notice {
  const id = world.hex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { id, mchid: order.mchid, url, created_ms: world.now_ms(), tries: 0, state: 'due', ...fields };
}

/** APIv3 asks for a 2xx; APIv2 for its word in the body. */
const isReceived = ({ form }: Notice, { status, body }: { status: number; body: string }): boolean =>
  status >= 200 && status < 300 && (form === 'v3' || /<return_code>(?:<!\[CDATA\[)?SUCCESS/.test(body));

/** A genuine message that says something wrong: signed like any other. */
function altered(world: World, notice: Notice, { kind }: NoticeFault): Notice {
  if (notice.form !== 'v3') return notice;
  const content = JSON.parse(notice.content) as Record<string, unknown> & { amount: Record<string, number> };
  const saying = (changes: object, told: Partial<Told>): Notice => ({
    ...notice,
    content: JSON.stringify({ ...content, ...changes }),
    ...(notice.told ? { told: { ...notice.told, ...told } } : {}),
  });
  switch (kind) {
    case 'notify_wrong_amount': {
      const name = notice.original_type === 'refund' ? 'refund' : 'total';
      return saying({ amount: { ...content.amount, [name]: (content.amount[name] ?? 0) + 1 } }, { wrong: 'amount' });
    }
    case 'notify_wrong_merchant':
      return saying(content.mchid === undefined ? { sub_mchid: '1600000000' } : { mchid: '1900000000' }, { wrong: 'receiver' });
    case 'notify_unknown_order':
      // Another first character, whatever the first one is.
      return saying({ out_trade_no: `${content.out_trade_no}`.replace(/^./, (first) => (first === 'X' ? 'Y' : 'X')) }, { wrong: 'order' });
    case 'notify_reused_transaction': {
      const earlier = [...world.tables.notice.values()].find(
        ({ url, state, told }) => url === notice.url && state === 'done' && told && told.refund_no === undefined && !told.wrong,
      )?.told;
      if (!notice.told || !earlier) return notice;
      return saying({ transaction_id: earlier.transaction_id }, { transaction_id: earlier.transaction_id, wrong: 'transaction' });
    }
    default:
      return notice;
  }
}

function partiesOfV2(order: Order): [string, string][] {
  const sub: [string, string][] = order.sub_mchid === undefined ? [] : [['sub_mch_id', order.sub_mchid]];
  if (order.sub_appid !== undefined) sub.push(['sub_appid', order.sub_appid]);
  return [['appid', order.appid], ['mch_id', order.mchid], ...sub];
}

function paidXml(world: World, order: Order): string {
  const merchant = world.tables.merchant.get(order.mchid);
  const head: [string, string][] = [['return_code', 'SUCCESS'], ['result_code', 'SUCCESS'], ...partiesOfV2(order), ['nonce_str', world.hex(32)]];
  const fields = new Map([...head, ...Object.entries(paymentFieldsOf(order))]);
  fields.set('sign', signV2(fields, merchant?.apiv2_key ?? '', order.sign_type ?? 'MD5'));
  return writeXml(fields);
}

/** An APIv2 refund notification carries no signature, only content that the merchant's key opens. */
function refundedXml(world: World, order: Order, refund: Refund): string {
  const merchant = world.tables.merchant.get(order.mchid);
  const req_info = encryptReqInfo(writeXml(Object.entries(reqInfoOf(order, refund)), 'root'), merchant?.apiv2_key ?? '');
  return writeXml([['return_code', 'SUCCESS'], ...partiesOfV2(order), ['nonce_str', world.hex(32)], ['req_info', req_info]]);
}
