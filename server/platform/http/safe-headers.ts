/** Headers of every answer. A scope that serves pages sets its own content security policy over this one. */
export function safeHeaders(public_url: string): Readonly<Record<string, string>> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    // Only where the installation is reached by https: over http the header is void.
    ...(public_url.startsWith('https://') ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}
