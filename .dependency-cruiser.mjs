// The floors of server/ (docs: ARCHITECTURE.md): a file imports lower floors, its own module and the contract. Same floor
// never imports same floor. `npm run check` runs these rules and makes sure that modules were read at all.
export const floors = [
  ['kernel'],
  ['platform'],
  ['channels', 'ledger'],
  ['access', 'merchants', 'pricing', 'routing', 'risk', 'members'],
  ['payments'],
  ['cashier', 'settlement', 'recon', 'webhooks'],
  ['bank', 'scenes', 'compat', 'reports', 'privacy'],
];
/** What stands above every floor: it puts the modules together, plays the world, or measures. */
export const above = ['app', 'bundle', 'main', 'serve', 'verify', 'sandbox', 'testing', 'bench', 'sim'];
/** Tests stand beside the code and use the test context. */
const tests = '(?:\\.test\\.ts$|(?:^|/)testing/|(?:^|/)test-[^/]+\\.ts$|^server/channels/kit/bench\\.ts$)';

const floorRules = floors.flatMap((modules, floor) =>
  modules.map((module) => {
    const forbidden = floors
      .slice(floor)
      .flat()
      .filter((other) => other !== module);
    return {
      name: `floor-${floor}-${module}`,
      comment: `server/${module} stands on floor ${floor}: it imports lower floors, itself and the contract.`,
      severity: 'error',
      from: { path: `^server/${module}/`, pathNot: tests },
      to: { path: `^server/(?:${[...forbidden, ...above].join('|')})(?:/|\\.ts$)` },
    };
  }),
);

export default {
  forbidden: [
    ...floorRules,
    {
      name: 'tests-stay-on-their-floor',
      comment: 'A test may use the test context; apart from it, the floor of what it tests holds for it too.',
      severity: 'error',
      from: { path: '^server/(kernel|platform|channels|ledger)/.*\\.test\\.ts$' },
      to: { path: '^server/(?:app\\.ts|main\\.ts|serve\\.ts|sandbox/|bench/|sim/|payments/|webhooks/|cashier/|merchants/|access/|routing/)' },
    },
    {
      name: 'contract-imports-nothing-of-ours',
      comment: 'The API is declared on its own, so that clients can be made from it.',
      severity: 'error',
      from: { path: '^contract/' },
      to: { path: '^(server|sdk|cli|web|examples|scripts)/' },
    },
    {
      name: 'sdk-depends-on-nothing',
      comment: 'The published SDK has no dependencies: what it needs of the contract is generated into it.',
      severity: 'error',
      from: { path: '^sdk/', pathNot: ['\\.test\\.ts$', '^sdk/(gen|build)[^/]*\\.ts$', '^sdk/testing/'] },
      to: { pathNot: '^sdk/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'server-imports-no-client',
      comment: 'Clients know the server, not the other way round.',
      severity: 'error',
      from: { path: '^server/', pathNot: tests },
      to: { path: '^(sdk|cli|web|examples|scripts)/' },
    },
    {
      name: 'channels-are-known-to-the-registry-only',
      comment: 'A channel is a folder, one line in the registry and one in the list of simulators.',
      severity: 'error',
      from: { path: '^server/(?!channels/[a-z]+/|channels/(?:registry|simulators)\\.ts$)', pathNot: tests },
      to: { path: '^server/channels/(?!kit/)[a-z]+/' },
    },
    {
      name: 'channels-do-not-know-each-other',
      comment: 'What two channels share belongs into channels/ or channels/kit.',
      severity: 'error',
      from: { path: '^server/channels/(?!kit/)([a-z]+)/' },
      to: { path: '^server/channels/(?!kit/)[a-z]+/', pathNot: '^server/channels/$1/' },
    },
    {
      name: 'a-module-is-entered-by-its-service',
      comment: "Other modules import a module's service.ts and pure files, never its store, routes or jobs.",
      severity: 'error',
      from: { path: '^server/([^/]+)/', pathNot: tests },
      to: { path: '^server/.*/(?:store|routes|jobs)\\.ts$', pathNot: ['^server/$1/', '^server/platform/'] },
    },
    {
      name: 'the-database-has-one-door',
      comment: 'pg and Kysely connections are made in platform/db only, so that every statement is counted and timed.',
      severity: 'error',
      from: { path: '^server/', pathNot: ['^server/platform/(db/|changes\\.ts$)', '^server/(bench|sim|testing)/', tests] },
      to: { path: 'node_modules/pg/' },
    },
    {
      name: 'the-network-has-one-door',
      comment: 'Every outgoing call goes through platform/egress, which checks the address that is called.',
      severity: 'error',
      from: { path: '^server/', pathNot: ['^server/platform/egress', '^server/(bench|sim|testing)/', tests] },
      to: { path: 'node_modules/undici/' },
    },
    {
      name: 'no-circle',
      comment: 'Files that run one another in a circle are one file. Types are erased, and may go round.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', comment: 'An import that leads nowhere.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'development-only',
      comment: 'What runs in production may not need a package of development.',
      severity: 'error',
      from: { path: '^(server|cli|contract|sdk)/', pathNot: [tests, '^server/(bench|sim)/', '^sdk/(gen|build)'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'declared',
      comment: 'A package that is there by accident of another one may be gone tomorrow.',
      severity: 'error',
      from: { path: '^(server|cli|contract|sdk|scripts)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // TypeScript 7 has no API that the cruiser can use. With the wrong parser it reads no module and finds no fault.
    parser: 'swc',
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'source', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
