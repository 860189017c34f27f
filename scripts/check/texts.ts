/** What no file of the repository may hold, whatever its kind; found by its text. */
export type TextProblem = { readonly line: number; readonly what: string };

/** Homes and work folders of single machines; a path that works on one machine only is a mistake in every file. */
const machine_paths = /(?<![\w.~-])(?:\/home\/[a-z][\w-]*|\/Users\/[A-Za-z][\w-]*|\/root|\/work|[A-Z]:\\\\?Users)(?=\/|\\|$|["'`\s:])/;
/** The heading alone is written by code that reads keys; with content after it, it is a key. */
const private_key = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\n|\s)*[A-Za-z0-9+/]{40}/;

export function findTextProblems(text: string): readonly TextProblem[] {
  const problems: TextProblem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const path = machine_paths.exec(line)?.[0];
    if (path) problems.push({ line: index + 1, what: `holds a path of one machine (${path})` });
  }
  const key = private_key.exec(text);
  if (key) problems.push({ line: text.slice(0, key.index).split('\n').length, what: 'holds a private key' });
  return problems;
}

/** Past this a file has more than one noun; the limit is the last warning, not the aim. */
export const lines_max = 450;

/** Code that is written by hand is kept short; what is generated, data and prose are not counted. */
export function isTooLong(path: string, text: string): boolean {
  if (!/\.(ts|tsx|mjs)$/.test(path) || path.endsWith('.gen.ts')) return false;
  return !path.endsWith('.test.ts') && text.split('\n').length > lines_max;
}

/** `channels` are the names of the channels' folders. Comments may explain with them; code may not know them. */
export function findChannelNames(path: string, text: string, channels: readonly string[]): readonly TextProblem[] {
  if (mayNameChannels(path)) return [];
  const pattern = new RegExp(`['"\`/](${channels.filter((name) => name !== own_name).join('|')})['"\`/]`);
  return text.split('\n').flatMap((line, index) => {
    const name = /^\s*(\/?\*|\/\/)/.test(line) ? undefined : pattern.exec(line)?.[1];
    return name ? [{ line: index + 1, what: `names the channel ${name}; only the channel's own folder and the registry may` }] : [];
  });
}

/** The program's own name, which databases, files and messages bear, is also that of the channel to another installation of it. */
const own_name = 'heliu';

/** The modules and the platform may not; what plays the world, measures or tests may. */
const mayNameChannels = (path: string): boolean =>
  !/^server\/.*\.ts$/.test(path) ||
  /^server\/(bench|sandbox|sim)\//.test(path) ||
  // Wallets, which a payment code's prefix names; some channels are called after theirs.
  path === 'server/channels/payment-code.ts' ||
  /^server\/channels\/([a-z]+\/|(registry|simulators)\.ts$)/.test(path) ||
  /\.test\.ts$|(^|\/)testing\//.test(path);
