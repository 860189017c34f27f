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
  /^server\/channels\/kit\/(bench|artificial-bench)\.ts$/,
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
const pure_modules = ['crypto', 'buffer', 'net', 'util', 'zlib', 'querystring', 'url', 'string_decoder'];
const clock_modules = ['timers', 'timers/promises', 'perf_hooks'];
const network_modules = ['http', 'https', 'http2', 'net', 'tls', 'dgram', 'dns', 'dns/promises', 'undici'];
/** What these modules have that reaches nobody. */
const address_names = ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'];
const random_names = [
  ...['randomBytes', 'randomUUID', 'randomInt', 'randomFill', 'randomFillSync', 'getRandomValues'],
  ...['generateKey', 'generateKeySync', 'generateKeyPair', 'generateKeyPairSync', 'generatePrime', 'generatePrimeSync'],
];
const timer_names = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];

/** Ports of one kind, each with its reason. */
const ports: readonly { readonly file: RegExp; readonly may: 'network' | 'keys' }[] = [
  // Where requests and terminals come in.
  { file: /^server\/platform\/(http\/listeners|mqtt\/broker)\.ts$/, may: 'network' },
  // The only way out.
  { file: /^server\/platform\/egress(\.ts$|\/(connector|lookup)\.ts$)/, may: 'network' },
  // Simulated gateways look at the certificate that a client shows.
  { file: /^server\/channels\/kit\/gateway\/door\.ts$/, may: 'network' },
  // Simulated gateways make the keys that they hand out; the port of randomness has bytes only.
  { file: /^server\/channels\/(kit\/gateway\/(issuer|keys)|heliu\/simulator\/door)\.ts$/, may: 'keys' },
];

type SyntaxNode = { readonly type: string; readonly span?: { readonly start: number }; readonly [key: string]: unknown };

/** Reads the file's syntax, so that words in comments and texts do not count. `path` is for ports of one kind. */
export function findImpurities(source: string, role: Role, path = ''): readonly Impurity[] {
  if (role === 'free') return [];
  // Positions count bytes, from one.
  const bytes = Buffer.from(source);
  const found: Impurity[] = [];
  const granted = ports.filter(({ file }) => file.test(path)).map(({ may }) => may);
  const scope: Scope = { role, may: (kind) => granted.includes(kind), judged: new Set() };
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const node = value as SyntaxNode;
    const is_type = typeof node.type === 'string' && node.type.startsWith('Ts') && !typed_expressions.includes(node.type);
    if (is_type) return;
    const what = typeof node.type === 'string' ? impurityOf(node, scope) : undefined;
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

/** `judged`: names that were looked at together with what stands around them. */
type Scope = { readonly role: Role; readonly may: (kind: 'network' | 'keys') => boolean; readonly judged: Set<unknown> };

/** Of TypeScript's own syntax these hold values. */
const typed_expressions = ['TsAsExpression', 'TsConstAssertion', 'TsNonNullExpression', 'TsSatisfiesExpression', 'TsTypeAssertion', 'TsInstantiation'];

function impurityOf(node: SyntaxNode, scope: Scope): string | undefined {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'MethodProperty':
    case 'ClassMethod':
      return scope.role === 'pure' && (node.async === true || (node.function as SyntaxNode | undefined)?.async === true) ? 'is async' : undefined;
    case 'AwaitExpression':
      return scope.role === 'pure' ? 'awaits' : undefined;
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return moduleImpurity(node, scope);
    case 'NewExpression':
      return newImpurity(node, scope);
    case 'CallExpression':
      return callImpurity(node, scope);
    case 'BinaryExpression':
      if (node.operator === 'instanceof') scope.judged.add(node.right);
      return undefined;
    case 'MemberExpression':
      return memberImpurity(node, scope);
    case 'KeyValuePatternProperty':
    case 'AssignmentPatternProperty':
      return randomImpurity(nameOf(node.key), scope);
    case 'Identifier':
      return scope.judged.has(node) ? undefined : identifierImpurity(node);
    default:
      return undefined;
  }
}

function newImpurity(node: SyntaxNode, { role, judged }: Scope): string | undefined {
  if (isGlobal(node.callee, 'Date')) {
    judged.add(node.callee);
    return hasItems(node.arguments) ? undefined : 'asks for the time (new Date())';
  }
  return role === 'pure' && isGlobal(node.callee, 'Promise') ? 'makes a promise' : undefined;
}

/** A name may be brought in, handed on or loaded later: all three are one. */
function moduleImpurity(node: SyntaxNode, scope: Scope): string | undefined {
  const source = node.source as { readonly value?: string } | null | undefined;
  if (node.typeOnly === true || source?.value === undefined) return undefined;
  const specifiers = ((node.specifiers ?? []) as Specifier[]).filter(({ isTypeOnly }) => !isTypeOnly);
  if (specifiers.length === 0 && hasItems(node.specifiers)) return undefined;
  // `*` stands for all that a module has.
  const names = specifiers.map((each) =>
    each.type === 'ImportNamespaceSpecifier' ? '*' : (each.imported?.value ?? each.orig?.value ?? each.local?.value ?? '*'),
  );
  return importImpurity(source.value, names.length > 0 ? names : ['*'], scope);
}
type Specifier = {
  readonly type: string;
  readonly isTypeOnly?: boolean;
  readonly local?: { readonly value?: string };
  readonly imported?: { readonly value?: string } | null;
  readonly orig?: { readonly value?: string };
};

function importImpurity(specifier: string, names: readonly string[], scope: Scope): string | undefined {
  // Node takes its modules by both names.
  const module = specifier.replace(/^node:/, '');
  if (clock_modules.includes(module)) return `imports a clock (${specifier})`;
  if (module === 'process') return `looks at the process (${specifier})`;
  const reaches_out = network_modules.includes(module) && !names.every((name) => address_names.includes(name));
  if (reaches_out && !scope.may('network')) return `imports the network (${specifier})`;
  if (scope.role === 'pure' && specifier.startsWith('node:') && !pure_modules.includes(module)) return `imports ${specifier}`;
  const random = names.find((name) => random_names.includes(name));
  return random && !scope.may('keys') ? `imports randomness (${random})` : undefined;
}

function callImpurity({ callee, arguments: given }: SyntaxNode, scope: Scope): string | undefined {
  if (isGlobal(callee, 'Date')) {
    scope.judged.add(callee);
    return 'asks for the time (Date())';
  }
  const [first] = given as readonly { readonly expression: SyntaxNode }[];
  const loads = (callee as SyntaxNode).type === 'Import' || isGlobal(callee, 'require');
  return loads && first?.expression.type === 'StringLiteral' ? importImpurity(nameOf(first.expression), ['*'], scope) : undefined;
}

/** Names of the language of which some members are ports: the others may be used. */
const half_ports: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Date: { now: 'asks for the time (Date.now)' },
  Math: { random: 'asks for randomness (Math.random)' },
  AbortSignal: { timeout: 'sets a timer (AbortSignal.timeout)' },
};

/** Whether it is called, kept or handed on: what a member gives is the machine's. */
function memberImpurity({ object, property }: SyntaxNode, scope: Scope): string | undefined {
  const { type, expression } = property as { readonly type?: string; readonly expression?: SyntaxNode };
  // An index that is worked out could be any name.
  const name = type !== 'Computed' ? nameOf(property) : expression?.type === 'StringLiteral' ? nameOf(expression) : undefined;
  const half = isGlobal(object, ...Object.keys(half_ports)) ? half_ports[nameOf(object)] : undefined;
  if (half && name !== undefined) {
    scope.judged.add(object);
    if (Object.hasOwn(half, name)) return half[name];
  }
  return randomImpurity(name ?? '', scope);
}

const randomImpurity = (name: string, scope: Scope): string | undefined =>
  random_names.includes(name) && !scope.may('keys') ? `asks for randomness (${name})` : undefined;

/** A port itself as a value, whatever is done with it. */
function identifierImpurity(node: SyntaxNode): string | undefined {
  const name = nameOf(node);
  if (isGlobal(node, ...timer_names)) return `sets a timer (${name})`;
  if (isGlobal(node, 'fetch', 'WebSocket', 'EventSource')) return `calls the network (${name})`;
  if (isGlobal(node, 'performance', 'Date')) return `asks for the time (${name})`;
  if (isGlobal(node, 'Math')) return `asks for randomness (${name})`;
  if (isGlobal(node, 'AbortSignal')) return `sets a timer (${name})`;
  if (isGlobal(node, 'process')) return 'looks at the process';
  return isGlobal(node, 'globalThis', 'global') ? `goes past the ports (${name})` : undefined;
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
