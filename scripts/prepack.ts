// Makes packages/longshore ready to be packed: a clean build, and the two texts that every package
// carries. `npm pack` and `npm publish` call it.
//
// The library is compiled file by file. The command line is bundled: loading some 150 small modules
// costs 0.15 s of CPU and 14 MiB more than loading the few it becomes (measured on a pull that has
// nothing to fetch), and a command line starts often.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

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
await build({
  entryPoints: {
    main: join(folder, 'src/cli/main.ts'),
    // A thread is started from a file of its own, beside the code that starts it.
    hashEntry: join(folder, 'src/store/hashEntry.ts'),
  },
  outdir: join(folder, 'dist/cli'),
  bundle: true,
  // What a command does not need is not loaded.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  packages: 'external',
  minifySyntax: true,
  logLevel: 'warning',
});
for (const text of ['LICENSE', 'README.md']) {
  copyFileSync(join(root, text), join(folder, text));
}
