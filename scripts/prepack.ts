// Makes packages/longshore ready to be packed: a clean build, and the two texts that every package
// carries. `npm pack` and `npm publish` call it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'packages/longshore');

// A file whose source is gone would otherwise be shipped from an older build.
rmSync(join(folder, 'dist'), { recursive: true, force: true });
// npm reads this script's stdout as its own with --json, so the compiler's words go to stderr.
const { status } = spawnSync('tsc', ['-p', join(folder, 'tsconfig.build.json')], {
  stdio: ['ignore', 2, 2],
});
if (status !== 0) {
  process.exit(status ?? 1);
}
for (const text of ['LICENSE', 'README.md']) {
  copyFileSync(join(root, text), join(folder, text));
}
