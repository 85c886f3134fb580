import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands/table.ts';
import { optionsOf } from '../../src/cli/program.ts';
import { cli, temporaryDirectory } from './support/cli.ts';

test('mistakes get one helpful line, exit code 2 and no stack', async () => {
  const cases: [string[], RegExp][] = [
    [['pul', 'debian'], /unknown command 'pul'; did you mean pull\?/],
    [['cache', 'prun'], /unknown command 'prun'; did you mean prune\?/],
    [['pull', '--worker', '3', 'debian'], /unknown option '--worker'; did you mean --workers\?/],
    [['pull', '--workers'], /option '--workers <N>' argument missing/],
    [['pull', '--workers', 'many', 'debian'], /--workers: "many" is not a whole number/],
    [['pull', '--progress', 'ttty', 'debian'], /did you mean tty\?/],
    [['pull', '--serial', '--workers', '3', 'debian'], /contradict each other/],
    [['pull', '--to', 'oic:x', 'debian'], /did you mean oci\?/],
    [['pull', '--to', 'layers:', 'debian'], /names no path/],
    [['pull', '--cert', 'x', 'debian'], /belong together/],
    [
      ['pull', '--ca', '/nonexistent/ca.pem', 'debian'],
      /--ca: cannot read \/nonexistent\/ca\.pem: ENOENT/,
    ],
    [['pull', '--from', '/nonexistent/list'], /cannot read \/nonexistent\/list: ENOENT/],
    [['pull', '--report', '/nonexistent/r.json', 'debian'], /there is no directory/],
    [['pull', '--platform', 'amiga', 'debian'], /Not a platform: "amiga"/],
    [['pull', '--insecure', 'http://x/', 'debian'], /is not a host/],
    [['pull'], /no image is named/],
    [['layers'], /missing required argument 'REF'/],
    [['layers', 'UPPER/Case'], /Not an image reference/],
    [['layers', 'a', 'b'], /too many arguments/],
    [['schema', 'puul'], /did you mean pull\?/],
    [['completion', 'bsh'], /did you mean bash\?/],
    [['--report', 'x', 'cache', 'path'], /--report has no meaning for cache path/],
    [['pull', '--config', '/nonexistent.yaml', 'debian'], /Cannot read the settings file/],
  ];
  for (const [argv, message] of cases) {
    const env = { LONGSHORE_STORE: '/nonexistent/store' };
    const { exitCode, stdout, stderr } = await cli(argv, { env });
    assert.match(stderr, message, argv.join(' '));
    assert.equal(exitCode, 2, argv.join(' '));
    assert.equal(stdout, '');
    assert.equal(stderr.split('\n').length, 2, stderr);
    assert.ok(stderr.startsWith('longshore: '), stderr);
  }
});

test('help goes to stdout; no command at all is a mistake', async () => {
  const help = await cli(['--help']);
  assert.equal(help.exitCode, 0);
  for (const { name } of COMMANDS) assert.ok(help.stdout.includes(name.split(' ')[0] ?? ''));
  const none = await cli([]);
  assert.equal(none.exitCode, 2);
  assert.equal(none.stdout, '');
  assert.match(none.stderr, /Usage: longshore/);
  const version = await cli(['--version']);
  assert.deepEqual(version, { exitCode: 0, stdout: '1.2.3\n', stderr: '' });
});

test('the help of each command names each of its options, once', async () => {
  for (const spec of COMMANDS) {
    const { stdout, exitCode } = await cli([...spec.name.split(' '), '--help']);
    assert.equal(exitCode, 0);
    for (const name of optionsOf(spec)) {
      assert.equal(
        stdout.match(new RegExp(`^  (-\\w, )?--${name} `, 'gm'))?.length,
        1,
        `${spec.name} ${name}`,
      );
    }
    assert.doesNotMatch(stdout, /--no-/);
  }
});

test('flags may stand before the command; a flag beats variable beats file', async (t) => {
  const cwd = await temporaryDirectory(t);
  const where = async (argv: string[], env: Record<string, string> = {}) =>
    (await cli(argv, { env, cwd })).stdout;
  assert.equal(await where(['cache', 'path']), '/nonexistent/.local/share/longshore\n');
  await writeFile(path.join(cwd, 'longshore.yaml'), 'store: data\n');
  assert.equal(await where(['cache', 'path']), `${path.join(cwd, 'data')}\n`);
  assert.equal(await where(['cache', 'path'], { LONGSHORE_STORE: '/env' }), '/env\n');
  assert.equal(
    await where(['cache', 'path', '--store', '/flag'], { LONGSHORE_STORE: '/env' }),
    '/flag\n',
  );
  assert.equal(await where(['--store', '/flag', 'cache', 'path']), '/flag\n');
  assert.equal(await where(['cache', 'path', '--store', 'x']), `${path.join(cwd, 'x')}\n`);
});

test('a broken settings file is an error of usage, but not for commands without settings', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'longshore.yaml'), 'stroe: data\n');
  const { exitCode, stderr } = await cli(['cache', 'path'], { cwd });
  assert.equal(exitCode, 2);
  assert.equal(
    stderr,
    'longshore: longshore.yaml:1: stroe: there is no such setting; did you mean store?\n',
  );
  assert.equal((await cli(['schema'], { cwd })).exitCode, 0);
});

test('a variable with a slip of the pen is told, and the run goes on', async () => {
  const { exitCode, stderr } = await cli(['cache', 'path'], { env: { LONGSHORE_STROE: '/x' } });
  assert.equal(exitCode, 0);
  assert.match(stderr, /no variable LONGSHORE_STROE; did you mean LONGSHORE_STORE\?/);
});

test('--verbose tells which settings file is read', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'longshore.yaml'), 'verbose: true\n');
  const { stderr } = await cli(['cache', 'path'], { cwd });
  assert.equal(stderr, `longshore: settings are read from ${path.join(cwd, 'longshore.yaml')}\n`);
});
