import { methods, type Payment } from '@heliu/contract';

const digits = '零一二三四五六七八九';
/** Within four digits, and between groups of four: 12345678 is read 一千二百三十四万五千六百七十八. */
const places = ['', '十', '百', '千'] as const;
const groups = ['', '万', '亿'] as const;

/** Reads a number from 0 to 9999 9999 9999 as Chinese does: one 零 for any run of zeros inside, none at the end. */
function readNumber(value: number): string {
  if (value === 0) return '零';
  const text = String(value);
  let said = '';
  let zero = false;
  for (const [at, character] of [...text].entries()) {
    const place = text.length - 1 - at;
    const digit = Number(character);
    if (digit === 0) zero = true;
    else {
      said += `${zero ? '零' : ''}${digits[digit]}${places[place % 4]}`;
      zero = false;
    }
    if (place % 4 === 0 && place > 0 && groupOf(text, place) > 0) {
      said += groups[place / 4];
      zero = false;
    }
  }
  // 10 to 19 are read without the 一 before 十.
  return said.startsWith('一十') ? said.slice(1) : said;
}

/** The four digits that end at a place. */
const groupOf = (text: string, place: number): number => Number(text.slice(Math.max(0, text.length - place - 4), text.length - place));

/** Reads an amount aloud: 1280 fen is 十二元八角, 5 fen is 五分, 10001 fen is 一百元零一分. */
export function readAmount(amount_fen: number): string {
  const yuan = Math.trunc(amount_fen / 100);
  const jiao = Math.trunc(amount_fen / 10) % 10;
  const fen = amount_fen % 10;
  const whole = yuan > 0 ? `${readNumber(yuan)}元` : '';
  const tenths = jiao > 0 ? `${digits[jiao]}角` : '';
  const gap = yuan > 0 && jiao === 0 && fen > 0 ? '零' : '';
  const rest = fen > 0 ? `${gap}${digits[fen]}分` : '';
  return `${whole}${tenths}${rest}` || '零元';
}

const wallets: Readonly<Record<string, string>> = { wechat: '微信支付', alipay: '支付宝', unionpay: '云闪付' };

/** What a speaker (云喇叭) says of a payment. */
export function speechOf({ attempt, paid_fen }: Payment): string {
  const wallet = attempt ? methods[attempt.method].wallet : '';
  return `${wallets[wallet] ?? ''}收款${readAmount(paid_fen)}`;
}
