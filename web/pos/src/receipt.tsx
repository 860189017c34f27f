import { useState } from 'react';
import { yuan } from './amount.ts';
import type { Order, Till } from './api.ts';
import { useLanguage, useText } from './language.tsx';
import { walletName } from './texts.ts';

const papers = ['58', '80'] as const;

/** Shown on paper alone; the browser prints it on rolls of 58 or 80 mm. */
export function Receipt({ till, order }: { readonly till: Till; readonly order: Order }) {
  const t = useText();
  const { language } = useLanguage();
  const [paper, setPaper] = useState<(typeof papers)[number]>('58');
  const { payment } = order;
  return (
    <>
      <div className="ways">
        {papers.map((each) => (
          <button type="button" key={each} aria-pressed={paper === each} onClick={() => setPaper(each)}>
            {t('paper')} {each} mm
          </button>
        ))}
        <button type="button" onClick={() => print()}>
          {t('print')}
        </button>
      </div>
      <div className={`receipt paper-${paper}`}>
        <h2>{till.merchant_name}</h2>
        <p>
          {till.store_name} · {till.terminal_name}
        </p>
        <p>{t('receipt_title')}</p>
        <p className="sum">¥{yuan(payment.paid_fen)}</p>
        <p>
          {t('wallet')}：{walletName(language, payment.attempt?.method.split('_')[0] ?? '')}
        </p>
        <p>
          {t('order_no')}：{order.order_no}
        </p>
        <p>
          {t('time')}：{new Date(payment.created_at).toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB', { timeZone: 'Asia/Shanghai' })}
        </p>
        {!till.livemode && <p>{t('test_mode')}</p>}
      </div>
    </>
  );
}
