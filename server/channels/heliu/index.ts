import { defineChannel } from '../define.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { close, pay, query, reverse } from './payments.ts';
import { refund, refundQuery } from './refunds.ts';

/** Another installation of Heliu as upstream, a service provider's or a bank's: its merchant API is the gateway. */
export const heliu = defineChannel({
  code: 'heliu',
  name: { en: 'Another Heliu installation', zh: '另一套合流' },
  config,
  checkConfig,
  identity,
  receiver,
  pay,
  query,
  close,
  reverse,
  refund,
  refundQuery,
  notification,
});
