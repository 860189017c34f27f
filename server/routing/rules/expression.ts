import { type Method, methods } from '@heliu/contract';
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { routing_expression_nodes_max } from '../../kernel/limits.ts';
import { plainOf } from './plain.ts';

/** What a rule may ask about. Names and types are those of the language; every field is there for every payment. */
export type Facts = {
  readonly amount_fen: bigint;
  readonly method: Method;
  readonly wallet: string;
  readonly scene: string;
  /** 0 to 23 in Asia/Shanghai. */
  readonly hour: bigint;
  /** 1 is Monday, in Asia/Shanghai. */
  readonly weekday: bigint;
  /** Empty where the request has none. */
  readonly terminal_id: string;
  readonly app_id: string;
  readonly payer_known: boolean;
  readonly metadata: Readonly<Record<string, string>>;
};

/** A problem of an expression, in both languages. */
export type Problem = { readonly en: string; readonly zh: string };

export type Expression = {
  readonly source: string;
  readonly ast: ASTNode;
  /** An expression that fails on these facts, because it asks for metadata that is not there, does not match. */
  readonly matches: (facts: Facts) => boolean;
};

/** Time does not belong to a payment: what stands for it is `hour` and `weekday`, which every node computes alike. */
const environment = new Environment({
  unlistedVariablesAreDyn: false,
  limits: { maxAstNodes: routing_expression_nodes_max, maxDepth: 32, maxListElements: 200, maxMapEntries: 0, maxCallArguments: 8 },
})
  .registerVariable('amount_fen', 'int')
  .registerVariable('method', 'string')
  .registerVariable('wallet', 'string')
  .registerVariable('scene', 'string')
  .registerVariable('hour', 'int')
  .registerVariable('weekday', 'int')
  .registerVariable('terminal_id', 'string')
  .registerVariable('app_id', 'string')
  .registerVariable('payer_known', 'bool')
  .registerVariable('metadata', 'map<string, string>');

/** Compiles a condition, or says what is wrong with it. */
export function compileExpression(source: string): Expression | Problem {
  const checked = environment.check(source);
  if (!checked.valid) return libraryProblem(checked.error);
  if (checked.type !== 'bool') return { en: `it gives ${checked.type}, not bool`, zh: `结果类型为 ${checked.type}，应为 bool` };
  const program = environment.parse(source);
  const regex = findCall(program.ast, 'matches');
  // A regular expression of JavaScript may take longer than any payment waits.
  if (regex) return { en: 'matches() is not available; use startsWith, endsWith or contains', zh: '不支持 matches()，请用 startsWith、endsWith 或 contains' };
  const { ast } = program;
  return { source, ast, matches: matcherOf(program) };
}

/** The library is asked only of what plain tests leave open: of a hundred rules most are ruled out by their method or amount (2026-11-22). */
function matcherOf(program: ParseResult): (facts: Facts) => boolean {
  const plain = plainOf(program.ast);
  if (plain?.whole) return plain.test;
  return plain ? (facts) => plain.test(facts) && holds(program, facts) : (facts) => holds(program, facts);
}

/** A condition as the library alone evaluates it. */
export const compileByLibrary = (source: string): ((facts: Facts) => boolean) => {
  const program = environment.parse(source);
  return (facts) => holds(program, facts);
};

export const isProblem = (value: object): value is Problem => 'en' in value && 'zh' in value;

function holds(program: ParseResult, facts: Facts): boolean {
  try {
    return program(facts) === true;
  } catch {
    return false;
  }
}

function libraryProblem(error: unknown): Problem {
  const { summary, range } = error as { readonly summary?: string; readonly range?: { readonly start: number } };
  const said = (summary ?? 'it cannot be read').slice(0, 200);
  const at = range === undefined ? '' : ` (character ${range.start + 1})`;
  return { en: `${said}${at}`, zh: `${said}${range === undefined ? '' : `（第 ${range.start + 1} 个字符）`}` };
}

/** The parts of a node. */
export function partsOf(node: ASTNode): readonly ASTNode[] {
  const nodes: ASTNode[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) collect(part);
    else if (typeof value === 'object' && value !== null && 'op' in value) nodes.push(value as ASTNode);
  };
  collect(node.args);
  return nodes;
}

function findCall(node: ASTNode, name: string): boolean {
  return ((node.op === 'rcall' || node.op === 'call') && node.args[0] === name) || partsOf(node).some((part) => findCall(part, name));
}

/** The fields that an expression asks about. */
export const fieldsOf = (node: ASTNode): ReadonlySet<string> => new Set(node.op === 'id' ? [node.args] : partsOf(node).flatMap((part) => [...fieldsOf(part)]));

/** A part of an expression by itself. */
export const compilePart = (node: ASTNode): ((facts: Facts) => boolean) => compileByLibrary(node.input.slice(node.start, node.end));

const millisecond_offset = 8 * 3_600_000;

/** The facts of a payment at a time. */
export function factsOf(
  request: {
    readonly method: Method;
    readonly amount_fen: bigint;
    readonly terminal_id?: string | undefined;
    readonly app_id?: string | undefined;
    readonly payer_key?: string | undefined;
    readonly metadata?: Readonly<Record<string, string>> | undefined;
  },
  now: Date,
): Facts {
  const { method, amount_fen, terminal_id = '', app_id = '', payer_key, metadata = {} } = request;
  const { wallet, scene } = methods[method];
  const local = new Date(now.getTime() + millisecond_offset);
  return {
    amount_fen,
    method,
    wallet,
    scene,
    hour: BigInt(local.getUTCHours()),
    weekday: BigInt(local.getUTCDay() || 7),
    terminal_id,
    app_id,
    payer_known: payer_key !== undefined,
    metadata,
  };
}
