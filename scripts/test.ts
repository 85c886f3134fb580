// Runs the tests of the workspace with node:test. Words narrow them to the files whose path holds
// one of them; what begins with a dash is handed to node. The interop tests need other people's
// programs and minutes, so they run only when they are asked for: `npm run interop`.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const asked = process.argv.slice(2);
const flags = asked.filter((word) => word.startsWith('-'));
const words = asked.filter((word) => !word.startsWith('-'));
const interop = words.some((word) => word.includes('interop'));
// The bare word only asks for those tests at all, as `npm run interop -- WORD` does.
const narrowing = words.filter((word) => word !== 'interop');

const files = globSync('packages/*/test/**/*.test.ts', { cwd: root })
  .filter((file) => file.includes('/test/interop/') === interop)
  .filter((file) => narrowing.length === 0 || narrowing.some((word) => file.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${words.join(' ')}`);
  process.exit(1);
}

// node's own choice is one less than the cores, which on two cores runs file after file. The
// interop tests start daemons and time them, so those do run one file at a time.
const width = interop ? 1 : availableParallelism();
// Every file is a process that loads much the same sources: the compiled form of an earlier one starts
// it in half the time (0.7 s instead of 1.5 s for a file of the command line).
const compiled = join(root, 'node_modules', '.cache', 'compiled');
const { status } = spawnSync(
  process.execPath,
  ['--test', `--test-concurrency=${width}`, ...flags, ...files],
  { cwd: root, stdio: 'inherit', env: { NODE_COMPILE_CACHE: compiled, ...process.env } },
);
process.exit(status ?? 1);
