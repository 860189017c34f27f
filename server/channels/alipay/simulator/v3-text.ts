/** An `authorization` header of OpenAPI v3: the string that is signed as it stands, and the signature. */
export type Authorization = { readonly auth_string: string; readonly values: ReadonlyMap<string, string>; readonly sign: string };

/** @see https://opendocs.alipay.com/open-v3/054q58 */
export function readAuthorization(header: string): Authorization | undefined {
  const match = /^ALIPAY-SHA256withRSA (\S+),sign=(\S+)$/.exec(header);
  if (!match) return undefined;
  const [, auth_string, sign] = match as unknown as [string, string, string];
  const pairs = auth_string.split(',').map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return { auth_string, values: new Map(pairs), sign };
}

/** Every line ends with a line feed; the token of the represented merchant is a fifth line. */
export function v3RequestText(auth_string: string, method: string, uri: string, body: string, app_auth_token: string | undefined): string {
  return [auth_string, method, uri, body, ...(app_auth_token === undefined ? [] : [app_auth_token])].map((line) => `${line}\n`).join('');
}

export const v3ResponseText = (timestamp: string, nonce: string, body: string): string => `${timestamp}\n${nonce}\n${body}\n`;
