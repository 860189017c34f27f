// The one entry of every npm script: sets up what is missing, then runs the command on the Node that npm brings.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildPos } from '../web/pos/build.mjs';
import { node, root, SetupError, setUp } from './setup.mjs';

/** A command's program, from the root of the repository; `serves` that servers are started by it; `keyboard` leaves the terminal to it. */
const commands = {
  start: { args: ['server/main.ts'], development: false, pages: true, serves: true },
  dev: { args: ['--watch', '--watch-preserve-output', 'server/main.ts', '--from-source'], pages: true },
  test: { args: ['scripts/test.ts'], pages: true, serves: true },
  check: { args: ['scripts/check.ts'] },
  gen: { args: ['scripts/gen.ts'] },
  bench: { args: ['server/bench/main.ts'], serves: true },
  sim: { args: ['server/sim/main.ts'], serves: true },
  heliu: { args: ['cli/heliu.ts'], development: false, keyboard: true },
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) stop(`usage: node scripts/run.mjs ${Object.keys(commands).join('|')} [arguments]`);
try {
  setUp({ development: command.development ?? true });
  // Without its page a till cannot be opened; everything else works, so the server is not kept from starting.
  const problem = command.pages ? buildPos(node) : undefined;
  if (problem) console.error(`The till under /pos could not be built: ${problem}`);
  if (command.serves) bundleServer();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  stop(error.message);
}
run(command);

/** From its sources the server starts as well, in twice the time. */
function bundleServer() {
  const { status, stderr } = spawnSync(node, [join(root, 'scripts', 'bundle.ts')], { encoding: 'utf8' });
  if (status !== 0) console.error(`The server could not be bundled and starts from its sources: ${stderr}`);
}

function run({ args, keyboard = false }) {
  const [first, ...others] = args.map((arg) => (arg.endsWith('.ts') ? join(root, arg) : arg));
  // A session of its own: Ctrl-C reaches the program once, from here, and not from the terminal and npm as well.
  // What Node has compiled once is read back at the next start, which halves the time until the server answers.
  const env = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'), ...process.env };
  const child = spawn(node, [first, ...others, ...rest], { stdio: 'inherit', detached: !keyboard, env });
  forwardSignals(child, keyboard);
  child.once('error', (error) => stop(`${node} could not be started: ${error.message}`));
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    // As a shell says it: 128 and the signal's number.
    process.exit({ SIGINT: 130, SIGTERM: 143, SIGKILL: 137, SIGHUP: 129 }[signal] ?? 1);
  });
}

/** The same signal again within this time is the same key: the terminal and npm both pass it on. */
const same_key_ms = 300;

/** Passes signals on and stays until the program has ended, however long it drains. */
function forwardSignals(child, keyboard) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    let last_ms = Number.NEGATIVE_INFINITY;
    process.on(signal, () => {
      // With the keyboard the program has heard of Ctrl-C from the terminal already.
      if (keyboard && signal !== 'SIGTERM') return;
      const now_ms = performance.now();
      if (now_ms - last_ms > same_key_ms) child.kill(signal);
      last_ms = now_ms;
    });
  }
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
