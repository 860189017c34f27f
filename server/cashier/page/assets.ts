import { sha256 } from '../../kernel/digest.ts';
import { color_default, readable, textOn } from './color.ts';

/** The one style and the one script of every page, inside the page: no second request on a slow line. */
export type Assets = { readonly style: string; readonly script: string };

/** The merchant's colour as the style knows it. */
export function themeOf(color: string | null): string {
  const brand = color ?? color_default;
  const dark = `@media(prefers-color-scheme:dark){:root{--brand-text:${readable(brand, 'dark')}}}`;
  return `:root{--brand:${brand};--on-brand:${textOn(brand)};--brand-text:${readable(brand, 'light')}}${dark}`;
}

const hashOf = (content: string): string => `'sha256-${sha256(content).toString('base64')}'`;

export type PolicyInput = {
  readonly assets: Assets;
  readonly theme: string;
  /** Origins beside our own to which a form of this page may lead: a wallet's sign-in, a gateway's cashier. */
  readonly form_origins: readonly string[];
  /** Hosts that may frame the page; none where it is not embedded. */
  readonly framed_by: readonly string[];
};

/** Nothing runs or shapes the page but what it was sent with, named by hash; nothing is loaded but a logo of ours. */
export function contentSecurityPolicy({ assets, theme, form_origins, framed_by }: PolicyInput): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(assets.script)}`,
    `style-src ${hashOf(assets.style)} ${hashOf(theme)}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action ${["'self'", ...new Set(form_origins)].join(' ')}`,
    "base-uri 'none'",
    `frame-ancestors ${framed_by.length === 0 ? "'none'" : framed_by.join(' ')}`,
  ].join('; ');
}
