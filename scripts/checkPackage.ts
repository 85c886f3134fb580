// Uses the package as a stranger would, from its tarball in an empty folder: the command, every
// subpath, the types.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackage, modules, readPackage, run } from './installPackage.ts';

const home = mkdtempSync(join(tmpdir(), 'longshore-package-'));

function use(folder: string): string {
  const app = join(home, 'app');
  const { version, exports = {} } = readPackage(folder);
  const said = run(join(app, 'node_modules/.bin/longshore'), ['--version'], app).trim();
  if (!said.includes(version)) {
    throw new Error(`longshore --version says "${said}", package.json says ${version}`);
  }
  // The second time it runs the code that it kept the first time.
  process.env['XDG_CACHE_HOME'] = join(home, 'cache');
  const help = [1, 2].map(() =>
    run(join(app, 'node_modules/.bin/longshore'), ['help', 'pull'], app),
  );
  const kept = readdirSync(join(home, 'cache/longshore/bundle'), { recursive: true });
  if (help[0] !== help[1] || !kept.some((name) => /help-start-.+\.cjs$/.test(String(name)))) {
    throw new Error(`longshore help pull kept ${kept.join(', ')} and said:\n${help.join('\n')}`);
  }
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
