import { type Method, methods } from '@heliu/contract';
import type { ASTNode } from '@marcbachmann/cel-js';
import { amount_fen_max } from '../../kernel/limits.ts';
import { compilePart, type Facts, fieldsOf } from './expression.ts';
import { conjuncts } from './plain.ts';

/**
 * The payments that a condition can match, as a union of cells. Amounts are intervals; methods (and with them wallets and
 * scenes), hours and weekdays are finite sets; texts are sets of values or their complement; whatever else an expression
 * says is taken as a coin of its own that may fall either way. So a region that is found empty is empty.
 */
export type Region = readonly Cell[];
type Cell = {
  readonly amount: readonly Interval[];
  readonly method: bigint;
  readonly hour: bigint;
  readonly weekday: bigint;
  readonly texts: ReadonlyMap<string, Texts>;
  readonly coins: ReadonlyMap<string, boolean>;
};
type Interval = readonly [from: bigint, to: bigint];
type Texts = { readonly not: boolean; readonly values: ReadonlySet<string> };
type Field = 'amount_fen' | 'method' | 'hour' | 'weekday' | 'text' | 'coin';

/** A union of more cells than this is not looked into further: nothing is said of the rule. */
const cells_max = 512;

const method_names = Object.keys(methods) as Method[];
const least_amount = 1n;
const most_amount = BigInt(amount_fen_max);
const all_bits = (count: number): bigint => (1n << BigInt(count)) - 1n;
const everywhere: Cell = {
  amount: [[least_amount, most_amount]],
  method: all_bits(method_names.length),
  hour: all_bits(24),
  weekday: all_bits(7),
  texts: new Map(),
  coins: new Map(),
};

export const whole: Region = [everywhere];

/** Where the condition can be true; undefined when it is too large to say. */
export const regionOf = (node: ASTNode): Region | undefined => read(node, true);

/** Where the condition can be false. */
export const complementOf = (node: ASTNode): Region | undefined => read(node, false);

/** What is in both. Undefined: too large to say. */
export function meet(a: Region, b: Region): Region | undefined {
  const cells: Cell[] = [];
  for (const left of a) {
    for (const right of b) {
      const cell = meetCells(left, right);
      if (typeof cell !== 'string' && cells.push(cell) > cells_max) return undefined;
    }
  }
  return cells;
}

/** The field on which a conjunction contradicts itself, where it is one. */
export function contradiction(node: ASTNode): Field | undefined {
  if (node.op !== '&&') return undefined;
  const parts = conjuncts(node).map((part) => read(part, true));
  let met: Cell = everywhere;
  for (const part of parts) {
    const [only, ...more] = part ?? [];
    if (only === undefined || more.length > 0) continue;
    const next = meetCells(met, only);
    if (typeof next === 'string') return next;
    met = next;
  }
  return undefined;
}

function read(node: ASTNode, wanted: boolean): Region | undefined {
  switch (node.op) {
    case 'value':
      return node.args === wanted ? whole : [];
    case '!_':
      return read(node.args, !wanted);
    case '&&':
    case '||': {
      const [left, right] = node.args.map((part) => read(part, wanted)) as [Region | undefined, Region | undefined];
      if (!left || !right) return undefined;
      return (node.op === '&&') === wanted ? meet(left, right) : unite(left, right);
    }
    case '?:': {
      const [test, yes, no] = node.args;
      const [is, is_not] = [read(test, true), read(test, false)];
      const [then, otherwise] = [read(yes, wanted), read(no, wanted)];
      if (!is || !is_not || !then || !otherwise) return undefined;
      const [first, second] = [meet(is, then), meet(is_not, otherwise)];
      return first && second && unite(first, second);
    }
    default:
      return [atom(node, wanted)].filter((cell) => !isEmpty(cell));
  }
}

const unite = (a: Region, b: Region): Region | undefined => (a.length + b.length > cells_max ? undefined : [...a, ...b]);

/** One comparison, call or field. */
function atom(node: ASTNode, wanted: boolean): Cell {
  const fields = [...fieldsOf(node)];
  if (fields.length > 0 && fields.every((field) => field === 'method' || field === 'wallet' || field === 'scene')) return tried(node, wanted, 'method');
  if (fields.length === 1 && (fields[0] === 'hour' || fields[0] === 'weekday')) return tried(node, wanted, fields[0]);
  return amountAtom(node, wanted) ?? textAtom(node, wanted) ?? { ...everywhere, coins: new Map([[source(node), wanted]]) };
}

const source = (node: ASTNode): string => node.input.slice(node.start, node.end).replace(/\s+/g, ' ');

/** A field with few values: each is tried. */
function tried(node: ASTNode, wanted: boolean, field: 'method' | 'hour' | 'weekday'): Cell {
  const matches = compilePart(node);
  const values = field === 'method' ? method_names : Array.from({ length: field === 'hour' ? 24 : 7 }, (_, at) => BigInt(field === 'hour' ? at : at + 1));
  let bits = 0n;
  for (const [at, value] of values.entries()) {
    const facts = typeof value === 'string' ? { method: value, ...methods[value] } : { [field]: value };
    if (matches(facts as unknown as Facts) === wanted) bits |= 1n << BigInt(at);
  }
  return { ...everywhere, [field]: bits };
}

const flipped: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' };

function amountAtom(node: ASTNode, wanted: boolean): Cell | undefined {
  const among = membership(node, 'amount_fen');
  if (among) {
    const values = among.map((value) => value as bigint).toSorted((a, b) => (a < b ? -1 : 1));
    return { ...everywhere, amount: wanted ? values.map((value) => [value, value] as const) : values.reduce<readonly Interval[]>(without, everywhere.amount) };
  }
  const compared = comparison(node, 'amount_fen');
  if (!compared || typeof compared.value !== 'bigint') return undefined;
  const is = intervals(compared.op, compared.value);
  const amount = wanted ? is : is.reduce<readonly Interval[]>((rest, [from, to]) => cut(rest, from, to), everywhere.amount);
  return { ...everywhere, amount: meetIntervals(amount, everywhere.amount) };
}

function intervals(op: string, value: bigint): readonly Interval[] {
  switch (op) {
    case '<':
      return [[least_amount, value - 1n]];
    case '<=':
      return [[least_amount, value]];
    case '>':
      return [[value + 1n, most_amount]];
    case '>=':
      return [[value, most_amount]];
    case '==':
      return [[value, value]];
    default:
      return without(everywhere.amount, value);
  }
}

const without = (from: readonly Interval[], value: bigint): readonly Interval[] => cut(from, value, value);
const cut = (from: readonly Interval[], low: bigint, high: bigint): readonly Interval[] =>
  from.flatMap(([a, b]): Interval[] => [[a, b < low ? b : low - 1n] as const, [a > high ? a : high + 1n, b] as const].filter(([x, y]) => x <= y));

/** Free texts: terminal_id, app_id and single keys of metadata. */
function textAtom(node: ASTNode, wanted: boolean): Cell | undefined {
  for (const key of ['terminal_id', 'app_id', 'metadata'] as const) {
    const among = membership(node, key);
    const compared = comparison(node, key);
    const values = among ?? (compared && (compared.op === '==' || compared.op === '!=') ? [compared.value] : undefined);
    if (!values?.every((value): value is string => typeof value === 'string')) continue;
    const name = key === 'metadata' ? source(subject(node, key) as ASTNode) : key;
    const not = (compared?.op === '!=') === wanted;
    return { ...everywhere, texts: new Map([[name, { not, values: new Set(values) }]]) };
  }
  return undefined;
}

/** `field op literal` or the reverse. */
function comparison(node: ASTNode, field: string): { readonly op: string; readonly value: unknown } | undefined {
  if (!Object.hasOwn(flipped, node.op)) return undefined;
  const [left, right] = node.args as readonly [ASTNode, ASTNode];
  if (isField(left, field) && right.op === 'value') return { op: node.op, value: right.args };
  if (isField(right, field) && left.op === 'value') return { op: flipped[node.op] as string, value: left.args };
  return undefined;
}

function membership(node: ASTNode, field: string): readonly unknown[] | undefined {
  if (node.op !== 'in') return undefined;
  const [left, right] = node.args;
  if (!isField(left, field) || right.op !== 'list' || !right.args.every(({ op }) => op === 'value')) return undefined;
  return right.args.map(({ args }) => args);
}

const subject = (node: ASTNode, field: string): ASTNode | undefined => (node.args as readonly ASTNode[]).find((part) => isField(part, field));

function isField(node: ASTNode, field: string): boolean {
  if (field !== 'metadata') return node.op === 'id' && node.args === field;
  if (node.op !== '.' && node.op !== '[]') return false;
  const [of, key] = node.args;
  return of.op === 'id' && of.args === 'metadata' && (typeof key === 'string' || key.op === 'value');
}

/** The cell of what is in both, or the field that leaves nothing. */
function meetCells(a: Cell, b: Cell): Cell | Field {
  const amount = meetIntervals(a.amount, b.amount);
  if (amount.length === 0) return 'amount_fen';
  const [method, hour, weekday] = [a.method & b.method, a.hour & b.hour, a.weekday & b.weekday];
  if (method === 0n) return 'method';
  if (hour === 0n) return 'hour';
  if (weekday === 0n) return 'weekday';
  const coins = new Map(a.coins);
  for (const [name, side] of b.coins) {
    if ((coins.get(name) ?? side) !== side) return 'coin';
    coins.set(name, side);
  }
  const texts = new Map(a.texts);
  for (const [name, mine] of b.texts) {
    const met = meetTexts(texts.get(name) ?? { not: true, values: new Set() }, mine);
    if (!met.not && met.values.size === 0) return 'text';
    texts.set(name, met);
  }
  return { amount, method, hour, weekday, texts, coins };
}

const isEmpty = (cell: Cell): boolean => typeof meetCells(cell, everywhere) === 'string';

const meetIntervals = (a: readonly Interval[], b: readonly Interval[]): readonly Interval[] =>
  a.flatMap(([from, to]) => b.map(([low, high]): Interval => [-least(-from, -low), least(to, high)])).filter(([from, to]) => from <= to);

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function meetTexts(a: Texts, b: Texts): Texts {
  if (a.not && b.not) return { not: true, values: new Set([...a.values, ...b.values]) };
  const [given, other] = a.not ? [b, a] : [a, b];
  return { not: false, values: new Set([...given.values].filter((value) => other.values.has(value) !== other.not)) };
}
