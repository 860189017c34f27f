import type { Channel } from './define.ts';
import type { Check } from './kit/check.ts';
import { billChecks } from './kit/checks-bill.ts';
import { faultChecks } from './kit/checks-fault.ts';
import { notificationChecks } from './kit/checks-notification.ts';
import { paymentChecks } from './kit/checks-payment.ts';
import { settingsChecks } from './kit/checks-settings.ts';

/**
 * What every channel must hold, run against the simulator of its gateway over real HTTP with the client of production. A
 * channel that is registered is held to all of it; a check that cannot apply says why.
 */
export const conformanceOf = (channel: Channel): readonly Check[] => [
  ...paymentChecks(channel),
  ...notificationChecks,
  ...faultChecks,
  ...billChecks,
  ...settingsChecks,
];
