import { type ParseArgsConfig, parseArgs } from 'node:util';

/** One option of a command: a switch, a text, or a whole number of at least `least` (0). Without `usual` it may be left out. */
export type Option =
  | { readonly is: 'switch' }
  | { readonly is: 'text'; readonly usual?: string; readonly one_of?: readonly string[] }
  | { readonly is: 'whole'; readonly usual?: number; readonly least?: number };

type Value<Given extends Option> = Given extends { is: 'switch' }
  ? boolean
  : Given extends { is: 'whole' }
    ? Given extends { usual: number }
      ? number
      : number | undefined
    : Given extends { usual: string }
      ? string
      : string | undefined;
export type Values<Options extends Readonly<Record<string, Option>>> = { readonly [Name in keyof Options]: Value<Options[Name]> };

/** Not an error of the program: whoever typed the command asked for its usage (0), or typed what it does not take (2). */
export class Usage extends Error {
  override readonly name = 'Usage';
  readonly exit_code: 0 | 2;
  constructor(exit_code: 0 | 2, message: string) {
    super(message);
    this.exit_code = exit_code;
  }
}

export type Command<Options> = { readonly usage: string; readonly options: Options };

/** Reads what was typed after a command; `--help` and whatever the command does not take throw its `Usage`. */
export function readArguments<const Options extends Readonly<Record<string, Option>>>(
  args: readonly string[],
  { usage, options }: Command<Options>,
): Values<Options> {
  const wrong = (what: string) => new Usage(2, `${what}\nusage: ${usage}`);
  // Also where a value was to come next.
  if (args.includes('--help') || args.includes('-h')) throw new Usage(0, `usage: ${usage}`);
  const types: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { is }] of Object.entries(options)) types[name] = { type: is === 'switch' ? 'boolean' : 'string' };
  const typed = (() => {
    try {
      return parseArgs({ args: [...args], options: types }).values;
    } catch (error) {
      // Its second sentence is advice for programs that take positional arguments.
      throw wrong(error instanceof Error ? (error.message.split('. ')[0] as string) : String(error));
    }
  })();
  const values = Object.entries(options).map(([name, option]) => {
    const given = typed[name];
    if (option.is === 'switch') return [name, given === true];
    if (typeof given !== 'string') return [name, option.usual];
    if (option.is === 'whole') {
      const { least = 0 } = option;
      if (!/^\d{1,9}$/.test(given) || Number(given) < least) throw wrong(`--${name} takes a whole number of at least ${least}, not '${given}'`);
      return [name, Number(given)];
    }
    if (option.one_of && !option.one_of.includes(given)) throw wrong(`--${name} does not take '${given}' but ${option.one_of.join(' ')}`);
    return [name, given];
  });
  return Object.fromEntries(values) as Values<Options>;
}

/** Runs a command and gives its exit code; what is a matter of usage is told in words, without a stack. */
export async function told(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (!(error instanceof Usage)) throw error;
    (error.exit_code === 0 ? process.stdout : process.stderr).write(`${error.message}\n`);
    return error.exit_code;
  }
}
