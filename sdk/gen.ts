/** Makes `types.gen.ts` and `operations.gen.ts` from the contract; `npm run gen` writes them. */
import { readFileSync } from 'node:fs';
import * as contract from '@heliu/contract';
import { ChannelRefusal } from '../contract/fields.ts';
import { declaration, docComment, enumKey, type Names, type Schema, typeOf } from './gen-types.ts';

type Operation = contract.Operation;
const operations: readonly Operation[] = contract.operations;

/** Types that have a name of their own, in the order in which they are written. */
const named_schemas: Record<string, object> = {
  Payment: contract.Payment,
  Attempt: contract.Attempt,
  NextAction: contract.NextAction,
  RequestedMethod: contract.RequestedMethod,
  RequestedPaymentMethod: contract.RequestedPaymentMethod,
  ChannelRefusal,
  CreatePaymentBody: contract.CreatePaymentBody,
  CreateAttemptBody: contract.CreateAttemptBody,
  CheckoutSession: contract.CheckoutSession,
  CreateCheckoutSessionBody: contract.CreateCheckoutSessionBody,
  CashierSettings: contract.CashierSettings,
  UpdateCashierSettingsBody: contract.UpdateCashierSettingsBody,
  HelpRequest: contract.HelpRequest,
  ReceiptLink: contract.ReceiptLink,
  Refund: contract.Refund,
  CreateRefundBody: contract.CreateRefundBody,
  Anomaly: contract.Anomaly,
  WebhookEndpoint: contract.WebhookEndpoint,
  WebhookEndpointWithSecret: contract.WebhookEndpointWithSecret,
  Delivery: contract.Delivery,
  Store: contract.Store,
  CreateStoreBody: contract.CreateStoreBody,
  UpdateStoreBody: contract.UpdateStoreBody,
  Terminal: contract.Terminal,
  CreateTerminalBody: contract.CreateTerminalBody,
  UpdateTerminalBody: contract.UpdateTerminalBody,
  Device: contract.Device,
  PairingCode: contract.PairingCode,
  Shift: contract.Shift,
  ShiftTotal: contract.ShiftTotal,
  Plate: contract.Plate,
  PlateBatch: contract.PlateBatch,
  PlateChange: contract.PlateChange,
  PrintLink: contract.PrintLink,
  CreatePlateBatchBody: contract.CreatePlateBatchBody,
  BindPlateBody: contract.BindPlateBody,
  UpdatePlateBody: contract.UpdatePlateBody,
  PrintBody: contract.PrintBody,
  Price: contract.Price,
  RoutingStrategy: contract.RoutingStrategy,
  RoutingRule: contract.RoutingRule,
  RuleSet: contract.RuleSet,
  RuleSetBody: contract.RuleSetBody,
  SimulateBody: contract.SimulateBody,
  RoutingSimulation: contract.RoutingSimulation,
  RoutingDecision: contract.RoutingDecision,
  PaymentRouting: contract.PaymentRouting,
  ExplainBody: contract.ExplainBody,
  Costs: contract.Costs,
  AccountTerms: contract.AccountTerms,
  RoutingAccount: contract.RoutingAccount,
  RoutingAccounts: contract.RoutingAccounts,
  SwitchAccountBody: contract.SwitchAccountBody,
  ...Object.fromEntries(operations.flatMap((operation) => operationInputs(operation))),
};

const named_enums: Record<string, readonly string[]> = {
  Method: Object.keys(contract.methods),
  EventType: contract.event_type_names,
  PaymentState: contract.payment_states,
  ClosedReason: contract.closed_reasons,
  AttemptState: contract.attempt_states,
  Disposition: contract.dispositions,
  RefundState: contract.refund_states,
  RefundCause: contract.refund_causes,
  HelpKind: contract.help_kinds,
  HelpState: contract.help_states,
  DeliveryState: contract.delivery_states,
  StoreState: contract.store_states,
  DeviceState: contract.device_states,
  PlateState: contract.plate_states,
  PlateRemark: contract.plate_remarks,
  PlateChangeKind: contract.plate_changes,
  PrintFormat: contract.print_formats,
  PrintSize: contract.print_sizes,
  TerminalState: contract.terminal_states,
  TerminalKind: Object.keys(contract.terminal_kinds),
  AnomalyKind: Object.keys(contract.anomaly_kinds),
  RefusalReason: Object.keys(contract.refusal_reasons),
  ErrorCode: Object.keys(contract.errors),
};

const names: Names = {
  // The first name of a schema wins: a body that is exported by the contract keeps that name.
  schemas: new Map([
    ...Object.entries(named_schemas)
      .map(([name, schema]) => [schema, name] as const)
      .reverse(),
    [contract.Event, 'Event'],
  ]),
  enums: new Map(Object.entries(named_enums).map(([name, values]) => [enumKey(values), name])),
};

const header = '// Generated from the contract by sdk/gen.ts. Do not edit.\n';

/** Bodies and queries of operations: `ListPaymentsQuery`, `RotateWebhookSecretBody`. */
function operationInputs({ id, query, body }: Operation): [string, object][] {
  const base = id.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
  const exported: readonly object[] = [
    contract.CreatePaymentBody,
    contract.CreateAttemptBody,
    contract.CreateRefundBody,
    contract.CreateStoreBody,
    contract.UpdateStoreBody,
    contract.CreateTerminalBody,
    contract.UpdateTerminalBody,
    contract.CreatePlateBatchBody,
    contract.BindPlateBody,
    contract.UpdatePlateBody,
    contract.PrintBody,
    contract.CreateCheckoutSessionBody,
    contract.UpdateCashierSettingsBody,
    contract.RuleSetBody,
    contract.SimulateBody,
    contract.RoutingSimulation,
    contract.ExplainBody,
    contract.AccountTerms,
    contract.SwitchAccountBody,
  ];
  return [
    ...(query ? [[`${base}Query`, query] as [string, object]] : []),
    ...(body && !exported.includes(body) ? [[`${base}Body`, body] as [string, object]] : []),
  ];
}

/** The text of `types.gen.ts`. */
export function printSdkTypes(): string {
  const enums = Object.entries(named_enums).map(([name, values]) => `export type ${name} =\n${values.map((value) => `  | '${value}'`).join('\n')};\n`);
  const types = Object.entries(named_schemas).map(([name, schema]) => declaration(name, schema as Schema, names));
  return [header, ...types, eventText(), ...enums].join('\n');
}

/** An event's type decides what it carries, which the contract's own schema does not say: `if (event.type === 'payment.paid') event.data.amount_fen`. */
function eventText(): string {
  const { data, type: _, ...envelope } = contract.Event.properties as unknown as Record<string, Schema> & { data: Schema };
  const base = declaration('EventEnvelope', { type: 'object', properties: envelope, required: Object.keys(envelope) }, names).replace('export ', '');
  const types_by_object = Map.groupBy(contract.event_type_names, (name) => contract.event_types[name].object);
  const carried = new Map((data.anyOf as Schema[]).map((schema) => [(schema.properties as Record<string, Schema>).object?.const, schema]));
  const members = [...types_by_object].map(([object, types]) => {
    const schema = carried.get(object);
    if (!schema) throw new Error(`no event schema carries ${object}`);
    return `  | (EventEnvelope & { type: ${types.map((type) => `'${type}'`).join(' | ')}; data: ${typeOf(schema, names, '    ')} })\n`;
  });
  return `${base}\n${docComment(['Something that happened; `data` is the object as it was then. 事件：`data` 为事件发生时的对象快照。'], '')}export type Event =\n${members.join('').trimEnd()};\n`;
}

/** The text of `operations.gen.ts`. */
export function printSdkOperations(): string {
  const by_resource = Map.groupBy(operations, (operation) => operation.sdk[0]);
  const resources = [...by_resource].map(([resource, members]) => `  ${resource}: {\n${members.map(methodText).join('')}  },\n`);
  const body = `export const resourcesOf = (call: Call) => ({\n${resources.join('')}});\n`;
  const used = [...Object.keys(named_schemas), 'Event'].filter((name) => new RegExp(`\\b${name}\\b`).test(body)).sort();
  const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));
  return [
    header,
    "import type { Call, CallOptions } from './call.ts';",
    "import { type FeedPage, listPages } from './pages.ts';",
    "import { path } from './path.ts';",
    `import type { ${used.join(', ')} } from './types.gen.ts';\n`,
    `export const sdk_version = '${version}';\n`,
    body,
    'export type Resources = ReturnType<typeof resourcesOf>;\n',
  ].join('\n');
}

function methodText(operation: Operation): string {
  const { method, sdk, params, query, body, response } = operation;
  const ids = Object.keys(params?.properties ?? {});
  const inputs = [
    ...ids.map((id) => `${id}: string`),
    ...inputText('query', query as Schema | undefined),
    ...inputText('body', body as Schema | undefined),
    'options?: CallOptions',
  ];
  const { properties } = response as unknown as { properties: Record<string, Schema> };
  const item = properties.data?.items as Schema | undefined;
  const request = [
    `method: '${method}'`,
    `path: ${pathText(operation)}`,
    ...(query ? ['query'] : []),
    ...(body ? ['body'] : []),
    `answers: '${item ? 'list' : properties.object?.const}'`,
  ].join(', ');
  const made = item
    ? `${listText(typeOf(item, names, ''), properties)}(call, { ${request} }, '${'after' in (query?.properties ?? {}) ? 'after' : 'cursor'}', options)`
    : `call<${typeOf(response as unknown as Schema, names, '')}>({ ${request} }, options)`;
  return `${methodComment(operation)}    ${sdk[1]}: (${inputs.join(', ')}) =>\n      ${made},\n`;
}

/** What an operation takes may be left out when all its fields may. */
function inputText(name: string, schema: Schema | undefined): string[] {
  if (!schema) return [];
  const required = schema.required as string[] | undefined;
  return [`${name}: ${typeOf(schema, names, '')}${required?.length ? '' : ' = {}'}`];
}

/** A feed says whether there is more now and can be asked again later; other lists end. */
const listText = (item: string, page: Record<string, Schema>): string => ('has_more' in page ? `listPages<${item}, FeedPage<${item}>>` : `listPages<${item}>`);

const pathText = ({ path }: Operation): string => (path.includes('{') ? `path\`${path.replaceAll('{', '${')}\`` : `'${path}'`);

function methodComment({ summary, summary_zh, errors }: Operation): string {
  return docComment(
    [`${summary}. ${summary_zh}。`, '', `Refused with: ${errors.map((code) => `\`${code}\``).join(', ')}, or what any call can answer.`],
    '    ',
  );
}
