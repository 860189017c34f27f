/** WeChat refuses characters outside the basic plane (emoji) in an order's description. */
const withoutEmoji = (subject: string): string => subject.replace(/[\u{10000}-\u{10FFFF}]/gu, '').trim();

const fallback = '商品';

/** The description of an APIv3 order: at most 127 characters. */
export function subjectInCharacters(subject: string): string {
  return withoutEmoji(subject).slice(0, 127) || fallback;
}

/** The body of an APIv2 order: at most 128 bytes, cut between characters. */
export function subjectInBytes(subject: string): string {
  let text = '';
  let bytes = 0;
  for (const character of withoutEmoji(subject)) {
    bytes += Buffer.byteLength(character);
    if (bytes > 128) break;
    text += character;
  }
  return text || fallback;
}
