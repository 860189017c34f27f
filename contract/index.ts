import * as settings from './cashier-settings.ts';
import * as sessions from './checkout-sessions.ts';
import * as devices from './devices.ts';
import * as events from './events.ts';
import * as help from './help-requests.ts';
import * as ledger from './ledger.ts';
import type { Operation } from './operation.ts';
import * as payments from './payments.ts';
import * as plates from './plates.ts';
import * as prices from './prices.ts';
import * as reconciliation from './reconciliation.ts';
import * as refunds from './refunds.ts';
import * as routing from './routing.ts';
import * as routing_accounts from './routing-accounts.ts';
import * as routing_simulation from './routing-simulation.ts';
import * as statements from './statements.ts';
import * as stores from './stores.ts';
import * as terminals from './terminals.ts';
import * as webhooks from './webhook-endpoints.ts';

export * from './cashier-settings.ts';
export * from './checkout-sessions.ts';
export * from './devices.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './examples.ts';
export * from './help-requests.ts';
export * from './ledger.ts';
export * from './methods.ts';
export * from './openapi.ts';
export * from './operation.ts';
export * from './payments.ts';
export * from './plates.ts';
export * from './prices.ts';
export * from './reconciliation.ts';
export * from './refunds.ts';
export * from './routing.ts';
export * from './routing-accounts.ts';
export * from './routing-simulation.ts';
export * from './statements.ts';
export * from './stores.ts';
export * from './terminals.ts';
export * from './wallets.ts';
export * from './webhook-endpoints.ts';

/** Every operation of the merchant API. A test fails if one is not bound to a route. */
export const operations = [
  payments.createPayment,
  payments.retrievePayment,
  payments.retrievePaymentByOrderNo,
  payments.listPayments,
  payments.createAttempt,
  payments.closePayment,
  payments.cancelPayment,
  payments.closePaymentByOrderNo,
  payments.cancelPaymentByOrderNo,
  payments.syncPayment,
  sessions.createCheckoutSession,
  sessions.retrieveCheckoutSession,
  sessions.listCheckoutSessions,
  sessions.expireCheckoutSession,
  settings.retrieveCashierSettings,
  settings.updateCashierSettings,
  help.linkReceipt,
  help.listHelpRequests,
  help.retrieveHelpRequest,
  help.answerHelpRequest,
  help.refundHelpRequest,
  help.closeHelpRequest,
  refunds.createRefund,
  refunds.createRefundByOrderNo,
  refunds.retrieveRefund,
  refunds.listRefunds,
  reconciliation.listBillDays,
  reconciliation.listReconExceptions,
  reconciliation.retrieveReconException,
  reconciliation.listBankCredits,
  reconciliation.listDailyCloses,
  routing.retrievePaymentRouting,
  routing.createRuleSet,
  routing.listRuleSets,
  routing.activateRuleSet,
  routing.explainRouting,
  routing_simulation.simulateRouting,
  routing.listCosts,
  routing_accounts.listRoutingAccounts,
  routing_accounts.setAccountTerms,
  routing_accounts.switchAccount,
  events.listEvents,
  events.retrieveEvent,
  webhooks.createWebhookEndpoint,
  webhooks.listWebhookEndpoints,
  webhooks.retrieveWebhookEndpoint,
  webhooks.rotateWebhookSecret,
  webhooks.disableWebhookEndpoint,
  webhooks.enableWebhookEndpoint,
  webhooks.pingWebhookEndpoint,
  webhooks.listDeliveries,
  webhooks.resendDelivery,
  stores.createStore,
  stores.retrieveStore,
  stores.listStores,
  stores.updateStore,
  stores.closeStore,
  terminals.createTerminal,
  terminals.retrieveTerminal,
  terminals.listTerminals,
  terminals.updateTerminal,
  terminals.closeTerminal,
  devices.createPairingCode,
  devices.listDevices,
  devices.revokeDevice,
  devices.setSupervisorPin,
  devices.listShifts,
  plates.createPlateBatch,
  plates.retrievePlateBatch,
  plates.printPlateBatch,
  plates.retrievePlate,
  plates.listPlates,
  plates.claimPlate,
  plates.bindPlate,
  plates.updatePlate,
  plates.disablePlate,
  plates.enablePlate,
  plates.listPlateChanges,
  plates.printPlate,
  prices.listPrices,
  ledger.listLedgerBalances,
  ledger.listMargins,
  statements.createStatement,
  statements.retrieveStatement,
  statements.listStatements,
  statements.linkStatement,
] as const satisfies readonly Operation[];
