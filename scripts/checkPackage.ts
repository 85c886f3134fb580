// Packs the package, lays the tarball out as npm would install it in an empty folder, and uses it
// there as a stranger would: the command, every subpath, the types. Needs no network: what it
// depends on is copied from the workspace.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const home = mkdtempSync(join(tmpdir(), 'longshore-package-'));

interface PackageJson {
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`,
    );
  }
  return stdout;
}

function readPackage(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
}

function pack(): string {
  const answer = run(
    'npm',
    ['pack', '--workspace', 'longshore', '--pack-destination', home, '--json'],
    root,
  );
  const packed = JSON.parse(answer) as
    | readonly [{ readonly filename: string; readonly files: readonly { readonly path: string }[] }]
    | Readonly<
        Record<
          string,
          { readonly filename: string; readonly files: readonly { readonly path: string }[] }
        >
      >;
  const [tarball] = Object.values(packed);
  if (tarball === undefined) {
    throw new Error('npm pack made no tarball');
  }
  const odd = tarball.files
    .map(({ path }) => path)
    .filter(
      (path) => !/^(bin\/.+\.js|dist\/.+\.(js|d\.ts)|LICENSE|README\.md|package\.json)$/.test(path),
    );
  if (odd.length > 0) {
    throw new Error(`The tarball holds what nobody needs: ${odd.join(', ')}`);
  }
  return join(home, tarball.filename);
}

/** Copies what `folder` depends on, and what that depends on, out of the workspace. */
function copyDependencies(folder: string, into: string, done = new Set<string>()): void {
  for (const name of Object.keys(readPackage(folder).dependencies ?? {})) {
    if (!done.has(name)) {
      done.add(name);
      cpSync(join(modules, name), join(into, name), { recursive: true });
      copyDependencies(join(modules, name), into, done);
    }
  }
}

function install(tarball: string): string {
  const into = join(home, 'app/node_modules');
  const folder = join(into, 'longshore');
  mkdirSync(folder, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder], home);
  copyDependencies(folder, into);
  mkdirSync(join(into, '.bin'));
  for (const [name, file] of Object.entries(readPackage(folder).bin ?? {})) {
    symlinkSync(join('../longshore', file), join(into, '.bin', name));
  }
  return folder;
}

function use(folder: string): string {
  const app = join(home, 'app');
  const { version, exports = {} } = readPackage(folder);
  const said = run(join(app, 'node_modules/.bin/longshore'), ['--version'], app).trim();
  if (!said.includes(version)) {
    throw new Error(`longshore --version says "${said}", package.json says ${version}`);
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
  console.log(use(install(pack())));
} finally {
  rmSync(home, { recursive: true, force: true });
}
