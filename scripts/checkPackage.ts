// Uses the package as a stranger would, from its tarball in an empty folder: the command, every
// subpath, the types.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackage, modules, readPackage, run } from './installPackage.ts';

const home = mkdtempSync(join(tmpdir(), 'longshore-package-'));

/** The first run keeps the code of its functions, the second takes it: it would write it anew otherwise. */
function checkKeptCode(app: string): void {
  const cache = join(home, 'cache');
  process.env['XDG_CACHE_HOME'] = cache;
  const runs = [1, 2].map(() => {
    run(join(app, 'node_modules/.bin/longshore'), ['cache', 'path'], app);
    const folder = join(cache, 'longshore/bundle');
    const files = readdirSync(folder).toSorted();
    return files.map((name) => `${name} ${statSync(join(folder, name)).ino}`).join(', ');
  });
  const [first = '', second] = runs;
  if (!first.includes('cache-start-') || first !== second) {
    throw new Error(`Code of functions was kept as ${first}, then ${second}`);
  }
}

function use(folder: string): string {
  const app = join(home, 'app');
  const { version, exports = {} } = readPackage(folder);
  const said = run(join(app, 'node_modules/.bin/longshore'), ['--version'], app).trim();
  if (!said.includes(version)) {
    throw new Error(`longshore --version says "${said}", package.json says ${version}`);
  }
  checkKeptCode(app);
  const names = Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => `longshore${path.slice(1)}`);
  const lines = names.map((name, at) => `import * as room${at} from '${name}';`);
  const uses = names.map(
    (name, at) => `if (Object.keys(room${at}).length === 0) throw new Error('${name} is empty');`,
  );
  writeFileSync(join(app, 'use.mts'), [...lines, ...uses, ''].join('\n'));
  writeFileSync(join(app, 'package.json'), '{ "type": "module", "private": true }\n');
  run('node', ['use.mts'], app);
  mkdirSync(join(app, 'node_modules/@types'));
  symlinkSync(join(modules, '@types/node'), join(app, 'node_modules/@types/node'));
  run(
    'tsc',
    [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      'use.mts',
    ],
    app,
  );
  return `longshore ${said}: command, ${names.length} subpaths and their types work from the tarball`;
}

try {
  console.log(use(installPackage(home)));
} finally {
  rmSync(home, { recursive: true, force: true });
}
