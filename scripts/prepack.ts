// Makes packages/longshore ready to be packed: a clean build, and the two texts that every package
// carries. `npm pack` and `npm publish` call it.
//
// The library is compiled file by file. The command line is bundled, Commander with it: a command
// line starts often, and loading a hundred small modules takes as long as Node itself takes to start.
// It is CommonJS, of which compiled code can be kept, and which takes Node's own modules as they are
// (docs/adr/0023).
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'rolldown';

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
  input: {
    main: join(folder, 'src/cli/main.ts'),
    loadBundle: join(folder, 'src/cli/loadBundle.ts'),
    // A thread is started from a file of its own, beside the code that starts it.
    hashEntry: join(folder, 'src/store/hashEntry.ts'),
  },
  platform: 'node',
  // Other packages stay what npm has installed.
  external: (id) => /^[a-z@]/.test(id) && id !== 'commander',
  plugins: [
    {
      // Only what Node has loaded itself may say import(): the loader does it for the chunks.
      name: 'import-by-loader',
      renderChunk: (code, { name }) => {
        if (name === 'loadBundle') return code;
        const rewritten = code.replace(/\bimport\((?=\s*")/g, 'importModule(');
        const left = /\bimport\(\s*[^)\s].*/.exec(rewritten)?.[0];
        if (left !== undefined) throw new Error(`${name} says ${left}`);
        return rewritten;
      },
    },
  ],
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir: join(folder, 'dist/cli'),
    format: 'cjs',
    strict: true,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    // What a command does not need is not loaded. What nearly all need is in two files, not in forty:
    // one that reads the command line, one for the rooms that a pull goes through.
    codeSplitting: {
      groups: [
        { name: 'start', test: /\/cli\/(runCli|render\/renderer)\.ts$/, priority: 2 },
        { name: 'pull', test: /\/(cli\/commands\/pull|(transfer|store|registry)\/index)\.ts$/ },
      ],
    },
  },
});
copyFileSync(
  join(folder, 'node_modules/commander/LICENSE'),
  join(folder, 'dist/cli/LICENSE.commander'),
);
for (const text of ['LICENSE', 'README.md']) {
  copyFileSync(join(root, text), join(folder, text));
}
