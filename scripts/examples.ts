// Runs every example from the sources, each in an empty folder of its own, as the documentation
// says they run. An example that fails or hangs fails the check.
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ten times what the slowest takes on two cores alone. */
const TIMEOUT_MS = 120_000;
const root = join(import.meta.dirname, '..');
// What workers load is named .tasks.ts, and is not run by itself.
const examples = globSync('examples/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.tasks.ts'))
  .sort();
if (examples.length === 0) {
  console.error('There are no examples');
  process.exit(1);
}

let failures = 0;
for (const example of examples) {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-example-'));
  const started = performance.now();
  const { status, signal, output } = spawnSync(
    process.execPath,
    ['--conditions=longshore-source', join(root, example)],
    { cwd, encoding: 'utf8', timeout: TIMEOUT_MS },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  rmSync(cwd, { recursive: true, force: true });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${example} (${seconds} s)`);
  if (status !== 0) {
    failures += 1;
    console.log(`${output.join('')}exit ${status ?? signal}`);
  }
}
process.exit(failures === 0 ? 0 : 1);
