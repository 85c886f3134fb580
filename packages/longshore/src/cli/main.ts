import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { outlivesTerminal, startFacts } from './nohup.ts';
import { SYSTEM_CLOCK } from './render/renderer.ts';
import { runCli } from './runCli.ts';
import { onStopSignal } from './stopSignals.ts';

/** Two levels up from here both in the sources and in the build. */
const PACKAGE = new URL('../../package.json', import.meta.url);

/** After the work is done: how long sockets and timers that were left open may hold the process. */
const LINGER_MS = 500;

/** Runs of so many images are about memory, others about their start. */
const MANY_IMAGES = 64;

interface PackageFacts {
  readonly version: string;
  readonly bugs?: { readonly url?: string };
}

const facts = JSON.parse(readFileSync(PACKAGE, 'utf8')) as PackageFacts;

/** Runs the command line of this process. */
export async function main(): Promise<void> {
  const hangups = !outlivesTerminal(startFacts());
  if (!hangups) process.on('SIGHUP', () => {});
  process.exitCode = await runCli({
    argv: process.argv.slice(2),
    env: process.env,
    // To look at it is to open it (3 ms), and most commands do not read it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    home: homedir(),
    version: facts.version,
    reportTo: facts.bugs?.url ?? 'its maintainers',
    platform: process.platform,
    arch: process.arch,
    clock: SYSTEM_CLOCK,
    // Long lists make much short-lived garbage, for which V8 would take 32 MiB and hold on to it. But
    // with other flags than it was built with, Node compiles its own modules anew: 20 ms of a start, and
    // 70 ms of each thread.
    expectImages: (count) => {
      if (count < MANY_IMAGES) return;
      process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
    },
    onSignal: (listener) => onStopSignal(process, listener, { hangups }),
  });
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
