// Runs the tests of the workspace with node:test; arguments are paths or patterns that narrow them.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const wanted = process.argv.slice(2);
const files = globSync('packages/*/test/**/*.test.ts')
  .filter((file) => !file.includes('/interop/') || wanted.some((word) => word.includes('interop')))
  .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
