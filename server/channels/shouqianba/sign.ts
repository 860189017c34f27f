import { createHash } from 'node:crypto';

/** `<sn> <MD5 of the body's bytes and the key>`: what is signed is exactly what is sent. */
export const authorization = (sn: string, key: string, body: string): string =>
  `${sn} ${createHash('md5').update(body, 'utf8').update(key, 'utf8').digest('hex')}`;
