// Packs the package and lays the tarball out as npm would install it. Needs no network: what it
// depends on is copied from the workspace.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const root: string = join(import.meta.dirname, '..');

/** Where npm has put what the workspace depends on. */
export const modules: string = join(root, 'node_modules');

export interface PackageJson {
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Runs a program that has to succeed and gives its stdout. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`,
    );
  }
  return stdout;
}

export function readPackage(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
}

interface Tarball {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function pack(home: string): string {
  const answer = run(
    'npm',
    ['pack', '--workspace', 'longshore', '--pack-destination', home, '--json'],
    root,
  );
  // npm 11 answers with a list, npm 12 with an object by package name.
  const packed = JSON.parse(answer) as readonly Tarball[] | Readonly<Record<string, Tarball>>;
  const [tarball] = Object.values(packed);
  if (tarball === undefined) {
    throw new Error('npm pack made no tarball');
  }
  const odd = tarball.files
    .map(({ path }) => path)
    .filter(
      (path) =>
        !/^(bin\/.+\.js|dist\/.+\.(c?js|d\.ts)|dist\/cli\/LICENSE\.commander|LICENSE|README\.md|package\.json)$/.test(
          path,
        ),
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

/**
 * Installs the package as built now into `home/app/node_modules` and gives its folder there.
 * @throws Error when it cannot be built, or holds files that nobody needs
 */
export function installPackage(home: string): string {
  const tarball = pack(home);
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
