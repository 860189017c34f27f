import type { Operation } from '@heliu/contract';
import type { Belongings, GoodRequest } from './requests.ts';

/** A place of a request in which an id stands, as the contract declares it. */
export type IdField = {
  readonly in: 'params' | 'query' | 'body';
  /** `rules[].use.accounts[]`: as errors name it, but for the numbers. */
  readonly path: string;
  /** Of the kind of object: `pay`. Undefined for the merchant's own order number, which names a payment as well. */
  readonly prefix: string | undefined;
};

/** As much of JSON Schema as the contract has. */
type Schema = {
  readonly type?: string;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
};

const id_pattern = /^\^([a-z]{3})_\[/;
const places = ['params', 'query', 'body'] as const;

/** Every id that a request of the operation may name, however deep. */
export function idFields(operation: Operation): IdField[] {
  return places.flatMap((place) => fieldsIn(place, '', operation[place] as Schema | undefined));
}

function fieldsIn(place: IdField['in'], path: string, schema: Schema | undefined): IdField[] {
  if (!schema) return [];
  const prefix = id_pattern.exec(schema.pattern ?? '')?.[1];
  if (prefix !== undefined || (place === 'params' && path === 'merchant_order_no')) return [{ in: place, path, prefix }];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => fieldsIn(place, path === '' ? name : `${path}.${name}`, inner)),
    ...fieldsIn(place, `${path}[]`, schema.items),
    ...(schema.anyOf ?? []).flatMap((inner) => fieldsIn(place, path, inner)),
  ];
}

/** Fields that are named like an id and are none of ours: nobody else's object stands behind them. */
export const ids_of_others: readonly string[] = [
  // Of a wallet: who pays, and by which app of the merchant's.
  'create_payment payer_id',
  'create_payment app_id',
  'create_attempt payer_id',
  'create_attempt app_id',
  // What a rule is tried on: a text that is compared, whether or not a terminal has it.
  'explain_routing payer_id',
  'explain_routing terminal_id',
  'explain_routing app_id',
];

/** Names of first level that look like an id, whatever their form. */
export const namedLikeIds = (operation: Operation): string[] =>
  places.flatMap((place) => Object.keys((operation[place] as Schema | undefined)?.properties ?? {}).filter((name) => /_ids?$/.test(name)));

/** The one of these objects that the field could name. */
export function ofThatKind({ prefix }: IdField, belongings: Belongings): string {
  if (prefix === undefined) return belongings.merchant_order_no;
  const found = Object.values(belongings).find((id) => id.startsWith(`${prefix}_`));
  if (found === undefined) throw new Error(`nobody owns an object of the kind ${prefix}: give one in someBelongings`);
  return found;
}

/** The request with that id in the field, and everything else as it was. */
export function withId(request: GoodRequest, { in: place, path }: IdField, id: string): GoodRequest {
  if (!/[.[]/.test(path)) return { ...request, [place]: { ...request[place], ...instead[`${request.operation.id} ${path}`], [path]: id } };
  const inside = deeper[`${request.operation.id} ${path.split(/[.[]/)[0]}`];
  if (place !== 'body' || !inside) throw new Error(`${request.operation.id}: how a request holds ${path} is not known here: say it in id-fields.ts`);
  return { ...request, body: { ...request.body, ...inside(path, id) } };
}

/** What an id cannot stand beside. */
const instead: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { 'simulate_routing rule_set_id': { rules: undefined } };

/** What has to stand around an id that is not at the first level. */
const deeper: Readonly<Record<string, (path: string, id: string) => Readonly<Record<string, unknown>>>> = {
  'create_rule_set rules': rulesWith,
  'create_rule_set default': rulesWith,
  'simulate_routing rules': (path, id) => ({ rule_set_id: undefined, rules: rulesWith(path.replace(/^rules\./, ''), id) }),
};

function rulesWith(path: string, id: string) {
  const strategies: Readonly<Record<string, object>> = {
    'accounts[]': { type: 'priority', accounts: [id] },
    'shares[].channel_account_id': { type: 'split', shares: [{ channel_account_id: id, weight: 1 }] },
  };
  const [where, last] = path.startsWith('rules[].use.')
    ? (['rule', path.slice('rules[].use.'.length)] as const)
    : (['default', path.slice('default.'.length)] as const);
  const strategy = strategies[last];
  if (!strategy) throw new Error(`how rules hold ${path} is not known here: say it in id-fields.ts`);
  const usual = { type: 'priority' };
  return where === 'rule' ? { rules: [{ name: 'one', when: 'true', use: strategy }], default: usual } : { rules: [], default: strategy };
}
