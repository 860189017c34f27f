/** Every text of the till, 中文 first. */
const texts = {
  title: ['合流收银', 'Heliu POS'],
  pair_title: ['配对本设备', 'Pair this device'],
  pair_hint: ['在商户后台为终端生成配对码，十分钟内输入。', 'Make a pairing code for the terminal and type it within ten minutes.'],
  pair_code: ['配对码', 'Pairing code'],
  device_name: ['设备名称', 'Device name'],
  pair: ['配对', 'Pair'],
  test_mode: ['测试模式', 'Test mode'],
  offline: ['网络不通，正在重试', 'No network, trying again'],
  tab_charge: ['收款', 'Charge'],
  tab_today: ['今日', 'Today'],
  tab_shift: ['交班', 'Shift'],
  amount: ['金额', 'Amount'],
  scan_hint: ['输入金额后扫付款码', 'Enter the amount, then scan the payment code'],
  code_label: ['付款码', 'Payment code'],
  charge_code: ['收款', 'Charge'],
  camera: ['摄像头扫码', 'Scan by camera'],
  show_qr: ['展示收款码', 'Show a code'],
  other_codes: ['单一钱包的收款码', 'Codes of one wallet'],
  backspace: ['退格', 'Delete'],
  sending: ['正在收款', 'Charging'],
  waiting: ['等待付款人确认', 'Waiting for the payer'],
  show_qr_wait: ['请付款人扫码', 'Ask the payer to scan'],
  paid: ['收款成功', 'Paid'],
  refused: ['收款失败，请重新扫码', 'Refused: scan again'],
  doubt: ['结果未确认，核对前请勿再次收款', 'Not confirmed: check before you charge again'],
  ask_again: ['再查一次', 'Ask again'],
  cancelling: ['正在撤销', 'Cancelling'],
  closed: ['已撤销，未收款', 'Cancelled, nothing was charged'],
  refunded: ['已全额退款', 'Refunded in full'],
  give_up: ['放弃收款', 'Give up'],
  next: ['下一笔', 'Next'],
  scan_again: ['再次扫码', 'Scan again'],
  print: ['打印小票', 'Print receipt'],
  paper: ['纸宽', 'Paper'],
  order_no: ['订单号', 'Order no.'],
  wallet: ['钱包', 'Wallet'],
  time: ['时间', 'Time'],
  empty: ['今日还没有订单', 'No orders today'],
  refund: ['退款', 'Refund'],
  refund_amount: ['退款金额（元）', 'Amount to refund (yuan)'],
  pin: ['主管口令', 'Supervisor PIN'],
  confirm_refund: ['确认退款', 'Refund now'],
  back: ['返回', 'Back'],
  refund_made: ['退款已受理', 'The refund was accepted'],
  cashier: ['收银员', 'Cashier'],
  hand_over: ['交班', 'Hand over'],
  since: ['接班时间', 'Since'],
  until: ['交班时间', 'Until'],
  paid_total: ['收款', 'Taken'],
  refund_total: ['退款', 'Refunded'],
  no_totals: ['本班还没有收款', 'Nothing was taken in this shift'],
  handed_over: ['已交班', 'Handed over'],
  receipt_title: ['收款凭证', 'Receipt'],
  revoked: ['设备未配对或已吊销，请重新配对。', 'This device is not paired any more.'],
  camera_denied: ['无法使用摄像头', 'The camera cannot be used'],
  elsewhere: ['收银台已在另一个标签页打开', 'The till is open in another tab'],
  take_over: ['在此使用', 'Use it here'],
  loading: ['读取中', 'Loading'],
  try_again: ['重试', 'Try again'],
  not_loaded: ['网络不通，未能读取', 'No network: this could not be read'],
  not_answered: ['网络不通，结果未知：再按一次不会重复', 'No network, so the outcome is not known: pressing again does nothing twice'],
} as const satisfies Record<string, readonly [zh: string, en: string]>;

export type TextName = keyof typeof texts;
export type Language = 'zh' | 'en';

export const textIn = (language: Language, name: TextName): string => texts[name][language === 'zh' ? 0 : 1];

/** A text that follows the language when it is switched. */
export type Word = Readonly<Record<Language, string>>;
export const wordOf = (name: TextName): Word => ({ zh: textIn('zh', name), en: textIn('en', name) });

const wallets: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  wechat: ['微信支付', 'WeChat Pay'],
  alipay: ['支付宝', 'Alipay'],
  unionpay: ['云闪付', 'UnionPay'],
  qq: ['QQ 钱包', 'QQ Wallet'],
  jd: ['京东支付', 'JD Pay'],
  bestpay: ['翼支付', 'Bestpay'],
  ecny: ['数字人民币', 'e-CNY'],
  aggregate: ['收单机构', 'Acquirer'],
};

/** The name of a wallet; its code where it has none here. */
export const walletName = (language: Language, wallet: string): string => wallets[wallet]?.[language === 'zh' ? 0 : 1] ?? wallet;
