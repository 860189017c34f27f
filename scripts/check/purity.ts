import { parseSync } from '@swc/core';

/**
 * What a file may not do. `pure`: the domain and the kernel, which take time, randomness and the answers of the world as
 * values. `passed_in`: services, stores and the like, which may wait but take clock and randomness from `ctx`. `free`: the
 * ports themselves, programs, tests.
 */
export type Role = 'pure' | 'passed_in' | 'free';

/** The domain's folders, each with the file names of conventions: only these four of a module may wait for the world. */
const domain =
  /^server\/(access|bank|cashier|channels|compat|ledger|members|merchants|payments|pricing|privacy|recon|reports|risk|routing|scenes|settlement|webhooks)\//;
const working_name = /(^|\/)(routes|service|store|jobs)\.ts$/;

/** Files of the domain that are neither pure nor one of the four names, each with its reason. */
const working_files: readonly RegExp[] = [
  // The only callers of the network for channels, and what stands between them and it.
  /^server\/channels\/(client|bulkhead|trust|exchange-log|bill-file)\.ts$/,
  // RSA runs off the main thread, so signing and what contains it is awaited.
  /^server\/channels\/[a-z]+\/sign\.ts$/,
  // The upstream itself: a server with a memory and a schedule.
  /^server\/channels\/([a-z]+\/simulator(\/|\.ts$)|kit\/)/,
];

/** The ports: the only files that ask the machine for time, randomness or itself. */
const free_files: readonly RegExp[] = [
  /\.test\.ts$/,
  /(^|\/)testing\//,
  /(^|\/)test-[^/]+\.ts$/,
  // Where every channel is put to the test.
  /^server\/channels\/kit\/bench\.ts$/,
  /\.process\.ts$/,
  /^server\/(bench|sim)\//,
  /^server\/main\.ts$/,
  /^server\/serve\.ts$/,
  /^server\/platform\/(clock|rng)\.ts$/,
  // The database as a process of ours.
  /^server\/platform\/db\/(embedded|embedded-place|embedded-user|postmaster)\.ts$/,
];

/** The role of a file by its path from the root; undefined for what this check does not look at. */
export function roleOf(path: string): Role | undefined {
  if (!/^(contract|server|sdk)\/.*\.ts$/.test(path) || path.endsWith('.d.ts')) return undefined;
  if (free_files.some((pattern) => pattern.test(path))) return 'free';
  if (/^(contract|server\/kernel)\//.test(path)) return 'pure';
  if (!domain.test(path)) return path.startsWith('server/') ? 'passed_in' : undefined;
  return working_name.test(path) || working_files.some((pattern) => pattern.test(path)) ? 'passed_in' : 'pure';
}

/** One thing that a file does and its role may not. */
export type Impurity = { readonly line: number; readonly what: string };

/** What a pure file may import of Node: computation, no input or output. */
const pure_modules = ['node:crypto', 'node:buffer', 'node:net', 'node:util', 'node:zlib', 'node:querystring', 'node:url', 'node:string_decoder'];
const clock_modules = ['node:timers', 'node:timers/promises', 'node:perf_hooks'];
const random_names = ['randomBytes', 'randomUUID', 'randomInt', 'randomFill', 'randomFillSync', 'getRandomValues'];
const timer_names = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];

type SyntaxNode = { readonly type: string; readonly span?: { readonly start: number }; readonly [key: string]: unknown };

/** Reads the file's syntax, so that words in comments and texts do not count. */
export function findImpurities(source: string, role: Role): readonly Impurity[] {
  if (role === 'free') return [];
  // Positions count bytes, from one.
  const bytes = Buffer.from(source);
  const found: Impurity[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const node = value as SyntaxNode;
    const what = typeof node.type === 'string' ? impurityOf(node, role) : undefined;
    if (what)
      found.push({
        line: bytes
          .subarray(0, (node.span?.start ?? 1) - 1)
          .toString()
          .split('\n').length,
        what,
      });
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(source, { syntax: 'typescript', target: 'es2022' }).body);
  return found;
}

function impurityOf(node: SyntaxNode, role: Role): string | undefined {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'MethodProperty':
    case 'ClassMethod':
      return role === 'pure' && (node.async === true || (node.function as SyntaxNode | undefined)?.async === true) ? 'is async' : undefined;
    case 'AwaitExpression':
      return role === 'pure' ? 'awaits' : undefined;
    case 'ImportDeclaration':
      return importImpurity(node, role);
    case 'NewExpression':
      return isGlobal(node.callee, 'Date') && !hasItems(node.arguments) ? 'asks for the time (new Date())' : newImpurity(node, role);
    case 'CallExpression':
      return callImpurity(node.callee as SyntaxNode);
    case 'MemberExpression':
      return isGlobal(node.object, 'process') ? 'looks at the process' : undefined;
    default:
      return undefined;
  }
}

const newImpurity = (node: SyntaxNode, role: Role): string | undefined => (role === 'pure' && isGlobal(node.callee, 'Promise') ? 'makes a promise' : undefined);

function importImpurity(node: SyntaxNode, role: Role): string | undefined {
  if (node.typeOnly === true) return undefined;
  const module = (node.source as unknown as { value: string }).value;
  if (clock_modules.includes(module)) return `imports a clock (${module})`;
  if (role === 'pure' && module.startsWith('node:') && !pure_modules.includes(module)) return `imports ${module}`;
  const names = (node.specifiers as { local?: { value?: string }; imported?: { value?: string } }[]).map(
    ({ imported, local }) => imported?.value ?? local?.value,
  );
  const random = names.find((name) => random_names.includes(name ?? ''));
  return random ? `imports randomness (${random})` : undefined;
}

function callImpurity(callee: SyntaxNode): string | undefined {
  if (isGlobal(callee, ...timer_names)) return `sets a timer (${nameOf(callee)})`;
  if (isGlobal(callee, 'fetch')) return 'calls the network (fetch)';
  if (callee.type !== 'MemberExpression') return undefined;
  const property = nameOf(callee.property);
  if (isGlobal(callee.object, 'Date') && property === 'now') return 'asks for the time (Date.now())';
  if (isGlobal(callee.object, 'performance') && property === 'now') return 'asks for the time (performance.now())';
  if (isGlobal(callee.object, 'Math') && property === 'random') return 'asks for randomness (Math.random())';
  return random_names.includes(property) ? `asks for randomness (${property})` : undefined;
}

const hasItems = (value: unknown): boolean => Array.isArray(value) && value.length > 0;
const nameOf = (value: unknown): string => String((value as { value?: unknown } | undefined)?.value ?? '');
/** A name of the language's own: a parameter or variable that happens to be called the same is none. */
const isGlobal = (value: unknown, ...names: readonly string[]): boolean => {
  const node = value as SyntaxNode | undefined;
  return node?.type === 'Identifier' && node.ctxt === unresolved && names.includes(nameOf(node));
};
/** How swc marks a name that nothing in the file declares. */
const unresolved = 1;
