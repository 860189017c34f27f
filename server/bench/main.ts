import { readArguments, told, Usage } from '../testing/arguments.ts';
import { benchCashier } from './cashier.ts';
import { benchLedger } from './ledger.ts';
import { benchOverload } from './overload.ts';
import { benchPayments } from './payments.ts';
import { benchRecon } from './recon.ts';
import { benchRouting } from './routing.ts';
import { benchSoak } from './soak.ts';
import { benchVerify } from './verify.ts';

const usage = `npm run bench -- <what> [options] [--json]
  payments [--seconds N] [--payers N] [--profile] [--rules]
  verify   [--payments N]
  recon    [--lines N] [--accounts N]
  ledger   [--payments N]
  overload [--seconds N] [--payers N]
  soak     [--minutes N] [--payers N]
  routing
  cashier
  --json: one JSON value on one line, and nothing else`;

/** What a bench came to, and whether it shows what it must. */
type Done = { readonly result: object; readonly good: boolean };
type Values = ReturnType<typeof readValues>;
const isEach = (met: Readonly<Record<string, boolean | null>>) => !Object.values(met).includes(false);

const benches: Readonly<Record<string, (values: Values, say: (line: string) => void) => Promise<Done>>> = {
  payments: async ({ seconds = 20, payers, profile, rules }, say) => {
    const result = await benchPayments({ seconds, payers, profile, rules, say });
    return { result, good: result.checks.lost + result.checks.invented + result.checks.told_twice === 0 && !result.routing?.by_no_rule };
  },
  ledger: async ({ payments }, say) => {
    const result = await benchLedger({ payments, say });
    return { result, good: isEach(result.met) };
  },
  verify: async ({ payments }, say) => {
    const result = await benchVerify({ payments, say });
    return { result, good: result.everything.exit_code + result.since.exit_code === 0 };
  },
  recon: async ({ lines, accounts }, say) => {
    const result = await benchRecon({ lines, accounts, say });
    return { result, good: isEach(result.met) };
  },
  overload: async ({ seconds = 10, payers }, say) => {
    const result = await benchOverload({ seconds, payers, say });
    return { result, good: isEach(result.met) };
  },
  routing: () => {
    const result = benchRouting();
    return Promise.resolve({ result, good: result.decision_us.p99 <= 200 && result.shift_payments <= 20 });
  },
  cashier: async (_values, say) => {
    const result = await benchCashier({ loads: 5, say });
    return { result, good: result.good };
  },
  soak: async ({ minutes, payers }, say) => {
    const result = await benchSoak({ minutes, payers, say });
    return { result, good: isEach(result.met) };
  },
};

process.exit(await told(() => run(process.argv.slice(2))));

async function run(args: readonly string[]): Promise<number> {
  const [what = '', ...more] = args;
  const bench = benches[what];
  const values = readValues(bench ? more : args.filter((each) => each.startsWith('-')));
  if (!bench) throw new Usage(2, `there is no bench '${what}'\nusage: ${usage}`);
  const { result, good } = await bench(values, (line) => {
    if (!values.json) console.error(line);
  });
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2));
  return good ? 0 : 1;
}

function readValues(args: readonly string[]) {
  return readArguments(args, {
    usage,
    options: {
      seconds: { is: 'whole', least: 1 },
      minutes: { is: 'whole', usual: 5, least: 1 },
      payers: { is: 'whole', usual: 32, least: 1 },
      payments: { is: 'whole', usual: 1_000_000, least: 1 },
      lines: { is: 'whole', usual: 1_000_000, least: 1 },
      accounts: { is: 'whole', usual: 1, least: 1 },
      profile: { is: 'switch' },
      rules: { is: 'switch' },
      json: { is: 'switch' },
    },
  });
}
