export type { CallOptions } from './call.ts';
export { HeliuConnectionError, HeliuError, WebhookVerificationError, type WebhookVerificationReason } from './errors.ts';
export { Heliu, type HeliuOptions } from './heliu.ts';
export type { FeedPage, Page, Pages } from './pages.ts';
export type { Runtime } from './runtime.ts';
export type { Signing } from './signature.ts';
export type * from './types.gen.ts';
export { type SignedEvent, type VerifyOptions, type WebhookHeaders, webhooks } from './webhooks.ts';
