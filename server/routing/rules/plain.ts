import type { ASTNode } from '@marcbachmann/cel-js';
import type { Facts } from './expression.ts';

/**
 * Conditions of the usual form, tested without the library: comparisons of a field with a literal, and what `!`, `&&`, `||` and
 * `? :` make of them. None of it can fail on any facts, so that there is no order in which CEL would see an error first.
 */
type Test = (facts: Facts) => boolean;

const numbers = { amount_fen: (facts: Facts) => facts.amount_fen, hour: (facts: Facts) => facts.hour, weekday: (facts: Facts) => facts.weekday } as const;
const texts = {
  method: (facts: Facts) => facts.method as string,
  wallet: (facts: Facts) => facts.wallet,
  scene: (facts: Facts) => facts.scene,
  terminal_id: (facts: Facts) => facts.terminal_id,
  app_id: (facts: Facts) => facts.app_id,
} as const;

/** What a condition demands of all facts by plain tests. `whole`: and nothing else. Undefined: it has no plain part. */
export function plainOf(ast: ASTNode): { readonly test: Test; readonly whole: boolean } | undefined {
  const parts = conjuncts(ast).map(testOf);
  const tests = parts.filter((test) => test !== undefined);
  const [first, ...more] = tests;
  if (first === undefined) return undefined;
  return { test: more.reduce<Test>((before, test) => (facts) => before(facts) && test(facts), first), whole: tests.length === parts.length };
}

export const conjuncts = (node: ASTNode): ASTNode[] => (node.op === '&&' ? node.args.flatMap(conjuncts) : [node]);

function testOf(node: ASTNode): Test | undefined {
  switch (node.op) {
    case 'value': {
      const { args: value } = node;
      return typeof value === 'boolean' ? () => value : undefined;
    }
    case 'id':
      return node.args === 'payer_known' ? (facts) => facts.payer_known : undefined;
    case '!_': {
      const test = testOf(node.args);
      return test && ((facts) => !test(facts));
    }
    case '&&':
    case '||': {
      const [left, right] = node.args.map(testOf);
      if (!left || !right) return undefined;
      return node.op === '&&' ? (facts) => left(facts) && right(facts) : (facts) => left(facts) || right(facts);
    }
    case '?:': {
      const [test, yes, no] = node.args.map(testOf);
      return test && yes && no && ((facts) => (test(facts) ? yes(facts) : no(facts)));
    }
    case 'in':
      return membership(node.args[0], node.args[1]);
    case 'rcall':
      return call(node.args[0], node.args[1], node.args[2]);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(node.op, node.args[0], node.args[1]) ?? comparison(flipped[node.op], node.args[1], node.args[0]);
    default:
      return undefined;
  }
}

const flipped = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' } as const;
type Comparison = keyof typeof flipped;

/** `field op literal`. Texts are only compared for being the same: the order of CEL is not that of JavaScript. */
function comparison(op: Comparison, left: ASTNode, right: ASTNode): Test | undefined {
  const value = literal(right);
  const number = field(numbers, left);
  if (number && typeof value === 'bigint') return compared(op, number, value);
  const text = field(texts, left);
  if (!text || typeof value !== 'string') return undefined;
  if (op === '==') return (facts) => text(facts) === value;
  return op === '!=' ? (facts) => text(facts) !== value : undefined;
}

function compared(op: Comparison, of: (facts: Facts) => bigint, value: bigint): Test {
  switch (op) {
    case '==':
      return (facts) => of(facts) === value;
    case '!=':
      return (facts) => of(facts) !== value;
    case '<':
      return (facts) => of(facts) < value;
    case '<=':
      return (facts) => of(facts) <= value;
    case '>':
      return (facts) => of(facts) > value;
    case '>=':
      return (facts) => of(facts) >= value;
  }
}

function membership(left: ASTNode, right: ASTNode): Test | undefined {
  if (right.op !== 'list') return undefined;
  const values = right.args.map(literal);
  const [number, text] = [field(numbers, left), field(texts, left)];
  const among: ReadonlySet<unknown> = new Set(values);
  if (number && values.every((value) => typeof value === 'bigint')) return (facts) => among.has(number(facts));
  return text && values.every((value) => typeof value === 'string') ? (facts) => among.has(text(facts)) : undefined;
}

function call(name: string, receiver: ASTNode, args: readonly ASTNode[]): Test | undefined {
  const text = field(texts, receiver);
  const value = args.length === 1 && args[0] ? literal(args[0]) : undefined;
  if (!text || typeof value !== 'string') return undefined;
  if (name === 'startsWith') return (facts) => text(facts).startsWith(value);
  if (name === 'endsWith') return (facts) => text(facts).endsWith(value);
  return name === 'contains' ? (facts) => text(facts).includes(value) : undefined;
}

function literal(node: ASTNode): unknown {
  if (node.op === 'value') return node.args;
  if (node.op !== '-_') return undefined;
  const value = literal(node.args);
  return typeof value === 'bigint' ? -value : undefined;
}

const field = <T>(fields: Readonly<Record<string, T>>, node: ASTNode): T | undefined =>
  node.op === 'id' && Object.hasOwn(fields, node.args) ? fields[node.args] : undefined;
