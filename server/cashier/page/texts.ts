/** The words of the payer's pages, 中文 first. */
export type Language = 'zh' | 'en';

const texts = {
  plate_amount: ['付款金额（元）', 'Amount (yuan)'],
  plate_remark: ['备注', 'Remark'],
  plate_wrong_amount: ['请输入正确的金额，如 12.50', 'Enter an amount, such as 12.50'],
  plate_stock_title: ['码牌尚未启用', 'This code is not in use yet'],
  plate_stock: [
    '此码牌还没有绑定门店，暂时不能付款。商户请凭牌上的编号与随牌的领用码领用，并绑定到终端。',
    'It stands for no shop yet, so nothing can be paid here. If it is yours, claim it by its number and claim code and bind it to a terminal.',
  ],
  plate_title: ['向商户付款', 'Pay this shop'],
  receipt_link: ['付款凭证与帮助', 'Receipt and help'],
  receipt_pending: ['尚未付款', 'Not paid yet'],
  receipt_unpaid: ['订单未付款，已关闭', 'This order was closed unpaid'],
  receipt_refunded: ['已全额退款', 'Refunded in full'],
  receipt_subject: ['商品', 'For'],
  receipt_wallet: ['付款方式', 'Paid with'],
  receipt_time: ['付款时间', 'Paid at'],
  receipt_transaction: ['交易单号', 'Transaction'],
  receipt_given_back: ['已退款', 'Refunded'],
  receipt_going_back: ['退款中', 'Being refunded'],
  help_title: ['需要帮助？', 'Need help?'],
  help_kind: ['您想', 'What is it about'],
  help_question: ['咨询商户', 'A question'],
  help_refund: ['申请退款', 'A refund'],
  help_message: ['留言', 'Message'],
  help_contact: ['联系方式（选填）', 'How to reach you (optional)'],
  help_send: ['发送给商户', 'Send to the shop'],
  help_sent: ['已发送，商户的答复会显示在本页。', "Sent. The shop's answer will stand on this page."],
  help_waits: ['上一条留言还在等待商户答复。', "Your last message still waits for the shop's answer."],
  help_wrong: ['请填写留言（不超过 500 字）后重新发送。', 'Write a message of at most 500 characters and send it again.'],
  help_opened: ['等待商户答复', 'Waiting for the shop'],
  help_answered: ['商户已答复', 'Answered'],
  help_refunded: ['商户已发起退款', 'The shop is refunding you'],
  help_closed: ['已关闭', 'Closed'],
  help_answer: ['商户：', 'The shop:'],
  title: ['收银台', 'Checkout'],
  pay_to: ['付款给', 'Pay to'],
  amount: ['应付金额', 'Amount'],
  order_no: ['订单号', 'Order'],
  left: ['剩余支付时间', 'Time left'],
  pay_now: ['立即支付', 'Pay now'],
  choose: ['选择支付方式', 'Choose how to pay'],
  scan: ['打开手机钱包扫一扫', "Scan with your phone's wallet"],
  scan_by: ['可使用：', 'Works with: '],
  scan_own: ['请用{wallet}扫码支付', 'Scan with {wallet}'],
  scan_alt: ['付款二维码', 'Payment QR code'],
  scanned: ['已扫码，请在手机上完成支付', 'Scanned. Finish on your phone.'],
  opening: ['正在打开{wallet}…', 'Opening {wallet}…'],
  go_on: ['继续支付', 'Continue'],
  confirming: ['正在确认支付结果…', 'Checking the payment…'],
  confirming_more: ['如已付款，通常几秒内会显示结果，请勿重复支付。', 'If you have paid, the result is here in a few seconds. There is no need to pay again.'],
  not_paid_yet: ['还没有付款？重新选择', 'Not paid yet? Choose again'],
  paid: ['支付成功', 'Paid'],
  paid_amount: ['已支付', 'You paid'],
  back_to_shop: ['返回商户', 'Back to the shop'],
  closed_expired: ['订单已过期', 'This order has expired'],
  closed_cancelled: ['订单已取消', 'This order was cancelled'],
  closed_refused: ['订单未支付成功，已关闭', 'This order was not paid and is closed'],
  closed_more: ['请回到商户重新下单。如果您已付款，款项会原路退回。', 'Please order again at the shop. If you have paid, the money goes back the way it came.'],
  closing: ['订单正在关闭，请稍候…', 'The order is being closed…'],
  unsupported: ['此应用暂不支持付款', 'This app cannot pay here'],
  unsupported_more: ['请用以下钱包扫描同一个二维码：', 'Scan the same code with one of these:'],
  unsupported_none: ['商户暂未开通可用的支付方式，请联系商户。', 'The shop has no way of paying that works here. Please ask the shop.'],
  refused: ['上次付款未成功：', 'The last try did not work: '],
  notice_payer: ['未能识别付款人，请重试。', 'The wallet did not say who you are. Please try again.'],
  notice_stale: ['页面已过期，请重试。', 'This page was out of date. Please try again.'],
  notice_failed: ['暂时无法支付，请稍后重试或换一种方式。', 'Paying did not work just now. Try again, or another way.'],
  notice_cancelled: ['您取消了支付，可以重新支付。', 'You cancelled. You can try again.'],
  waiting: ['正在处理，请稍候…', 'One moment…'],
  lost_title: ['页面不存在', 'No such page'],
  lost: ['链接无效或已失效，请回到商户重新获取。', 'This link is not valid any more. Please ask the shop for a new one.'],
  busy_title: ['请稍候再试', 'Please try again'],
  busy: ['访问过于频繁，请稍候再试。', 'That was too often. Please wait a moment.'],
  broken: ['系统繁忙，未发生扣款，请稍后重试。', 'Something went wrong and nothing was charged. Please try again.'],
  test_mode: ['测试模式，不产生真实扣款', 'Test mode: no real money'],
  language: ['English', '中文'],
  way_qr: ['{wallet}扫码', '{wallet} QR code'],
  way_h5: ['{wallet}支付', '{wallet}'],
} as const satisfies Record<string, readonly [zh: string, en: string]>;
export type TextKey = keyof typeof texts;

export function text(language: Language, key: TextKey, facts: Readonly<Record<string, string>> = {}): string {
  const template: string = texts[key][language === 'zh' ? 0 : 1];
  return template.replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? '');
}

/** The language that a payer chose by the link on the page; undefined where nobody did, or wrote anything else. */
export const chosenLanguage = (asked: unknown): Language | undefined => (asked === 'zh' || asked === 'en' ? asked : undefined);

/** As the address asks, else as the session says, else as the browser prefers; Chinese where nobody says. */
export function languageOf(input: { readonly asked: unknown; readonly session: 'auto' | Language; readonly accepted: string | undefined }): Language {
  const chosen = chosenLanguage(input.asked);
  if (chosen) return chosen;
  if (input.session !== 'auto') return input.session;
  const accepted = input.accepted ?? '';
  return /\ben\b/i.test(accepted) && !/\bzh\b/i.test(accepted) ? 'en' : 'zh';
}
