import type { CreatePaymentBody, Heliu, ListPaymentsQuery, Payment } from '@heliu/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { renderUnicodeCompact } from 'uqr';
import { type ApiOptions, apiClient, type Cli, callOptions, given, show, wholeNumber, withApiOptions } from '../cli.ts';
import { printable, record, table, yuan } from '../output.ts';
import { type AmountOptions, amountOf, withAmount } from './amount.ts';

type PayOptions = ApiOptions &
  AmountOptions & {
    readonly orderNo: string;
    readonly method: CreatePaymentBody['method'];
    readonly subject?: string;
    readonly authCode?: string;
    readonly payerId?: string;
    readonly payerIp?: string;
    readonly appId?: string;
    readonly returnUrl?: string;
    readonly channelAccount?: string;
    readonly expiresIn?: number;
    readonly metadata?: Record<string, string>;
    readonly wait?: number;
  };

/** `pay` and `payment …` */
export function addPaymentCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const pay = withAmount(program.command('pay').description(say('create a payment and make its first attempt', '创建支付单并发起支付')), cli)
    .requiredOption('--order-no <no>', say("the merchant's order number: the same number is the same payment", '商户订单号：同一号码即同一支付单'))
    .requiredOption('--method <method>', say('wechat_qr, alipay_qr, barcode …', '支付方式：wechat_qr、alipay_qr、barcode 等'))
    .option('--subject <text>', say('what the payer sees; the order number unless given', '商品描述；默认为订单号'))
    .option('--auth-code <code>', say('payment code read from the payer', '付款码'))
    .option('--payer-id <id>', say('openid or buyer id', '付款人标识（openid 等）'))
    .option('--payer-ip <ip>', say("the payer's address", '付款人 IP'))
    .option('--app-id <id>', say('application of the scene', '场景应用 ID'))
    .option('--return-url <url>', say('where the browser goes after paying', '支付后返回地址'))
    .option('--channel-account <id>', say('use this account', '指定渠道账户'))
    .option('--expires-in <seconds>', say('closes if unpaid after this', '未支付则关闭的秒数'), wholeNumber)
    .option('--metadata <name=value>', say('a pair of your own; may be repeated', '自定义键值，可重复'), readPair)
    .option('--idempotency-key <key>', say('to repeat a call whose outcome is not known', '用于重试结果未知的调用'))
    .option('--wait <seconds>', say('ask until it is paid or closed, at most so long', '等待支付结果的最长秒数'), wholeNumber);
  withApiOptions(pay, cli).action((options: PayOptions) => createPayment(cli, options));

  const payment = program.command('payment').description(say('payments', '支付单'));
  withApiOptions(payment.command('show <id-or-order-no>'), cli)
    .description(say('show a payment', '查看支付单'))
    .action(async (name: string, options: ApiOptions) => showOne(cli, await findPayment(await apiClient(cli, options), name)));
  withApiOptions(payment.command('list'), cli)
    .description(say('list payments, newest first', '支付单列表（新的在前）'))
    .option('--state <state>', 'pending | paid | closed')
    .option('--from <time>', say('created at or after', '创建时间起'))
    .option('--before <time>', say('created before', '创建时间止（不含）'))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 20)
    .action((options: ListOptions) => listPayments(cli, options));
  for (const [verb, description] of [
    ['close', say('close an unpaid payment, at the channel first', '关闭未支付的支付单（先在渠道侧关闭）')],
    ['cancel', say('undo a payment, money back if it was paid', '撤销支付，已付款项退回')],
    ['sync', say('ask the channel now', '立即向渠道查询')],
  ] as const) {
    withApiOptions(payment.command(`${verb} <id>`), cli)
      .description(description)
      .option('--idempotency-key <key>', say('to repeat a call whose outcome is not known', '用于重试结果未知的调用'))
      .action(async (id: string, options: ApiOptions) => showOne(cli, await (await apiClient(cli, options)).payments[verb](id, callOptions(options))));
  }
}

async function createPayment(cli: Cli, options: PayOptions): Promise<void> {
  const { orderNo, method, subject = orderNo, authCode, payerId, payerIp, appId, returnUrl, channelAccount, expiresIn, metadata, wait } = options;
  const body: CreatePaymentBody = {
    merchant_order_no: orderNo,
    amount_fen: amountOf(cli, options),
    subject,
    method,
    ...given({ auth_code: authCode, payer_id: payerId, payer_ip: payerIp, app_id: appId, return_url: returnUrl }),
    ...given({ channel_account_id: channelAccount, expires_in_s: expiresIn, metadata }),
  };
  const heliu = await apiClient(cli, options);
  const created = await heliu.payments.create(body, callOptions(options));
  if (wait === undefined || created.state !== 'pending') return showOne(cli, created);
  if (!cli.asJson()) cli.io.out(view(created));
  show(cli, await waitFor(cli, heliu, created, wait), () => '');
}

/** Between two looks at a payment. */
const look_ms = 1_000;

/** The payment once it is final, or as it is when the time is over. */
async function waitFor(cli: Cli, heliu: Heliu, created: Payment, wait_s: number): Promise<Payment> {
  const stop = cli.io.interruption();
  let payment = created;
  for (let looks = 0; looks < wait_s && payment.state === 'pending' && !stop.aborted; looks++) {
    await cli.io.sleep(look_ms, stop);
    payment = await heliu.payments.retrieve(created.id);
  }
  if (!cli.asJson()) cli.io.out(record(summary(payment)));
  return payment;
}

type ListOptions = ApiOptions & {
  readonly state?: NonNullable<ListPaymentsQuery['state']>;
  readonly from?: string;
  readonly before?: string;
  readonly limit: number;
};

async function listPayments(cli: Cli, { state, from, before, limit, ...options }: ListOptions): Promise<void> {
  const heliu = await apiClient(cli, options);
  const payments: Payment[] = [];
  for await (const payment of heliu.payments.list(given({ state, created_from: from, created_before: before, limit: Math.min(limit, 100) }))) {
    if (payments.push(payment) >= limit) break;
  }
  show(cli, payments, () =>
    table(
      payments.map(({ id, merchant_order_no, amount_fen, state, refunded_fen, created_at }) => ({
        id,
        merchant_order_no,
        amount: yuan(amount_fen),
        state,
        refunded: yuan(refunded_fen),
        created_at,
      })),
    ),
  );
}

const findPayment = (heliu: Heliu, name: string): Promise<Payment> =>
  name.startsWith('pay_') ? heliu.payments.retrieve(name) : heliu.payments.retrieveByOrderNo(name);

const showOne = (cli: Cli, payment: Payment): void => show(cli, payment, () => view(payment));

function view(payment: Payment): string {
  const { next_action: action } = payment;
  if (action.type === 'show_qr')
    return `${record({ ...summary(payment), qr_content: action.qr_content })}${renderUnicodeCompact(printable(action.qr_content), { border: 2 })}\n`;
  if (action.type === 'none' || action.type === 'wait' || action.type === 'new_attempt') return record({ ...summary(payment), next_action: action.type });
  return record({ ...summary(payment), next_action: action });
}

const summary = (payment: Payment) => ({
  id: payment.id,
  merchant_order_no: payment.merchant_order_no,
  amount: yuan(payment.amount_fen),
  state: payment.state,
  closed_reason: payment.closed_reason ?? undefined,
  refunded: payment.refunded_fen === 0 ? undefined : yuan(payment.refunded_fen),
  method: payment.attempt?.method,
  channel: payment.attempt?.channel,
  channel_order_no: payment.attempt?.channel_order_no,
  channel_transaction_id: payment.attempt?.channel_transaction_id ?? undefined,
  refusal: payment.attempt?.refusal ?? undefined,
  paid_at: payment.paid_at ?? undefined,
  expires_at: payment.state === 'pending' ? payment.expires_at : undefined,
});

function readPair(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('it must be name=value');
  return { ...earlier, [name]: value };
}
