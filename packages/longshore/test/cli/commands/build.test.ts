import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkLine } from '../../../src/cli/schemas/event.ts';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { createRegistryServer, type RegistryServer } from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { type CliOptions, type CliResult, cli, temporaryDirectory } from '../support/cli.ts';

const timeout = 60_000;

interface Site {
  readonly cwd: string;
  readonly server: RegistryServer;
  /** Writes `images/NAME/Dockerfile` and a file for it to copy. */
  readonly image: (name: string, dockerfile: string) => Promise<void>;
  /** Runs a command with a store of its own, in that folder. */
  readonly run: (argv: readonly string[], options?: CliOptions) => Promise<CliResult>;
}

/** An empty registry, and a folder of images to build. */
async function site(t: TestContext): Promise<Site> {
  const closing = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(t, () => closing.disposeAsync());
  const store = await openStore(path.join(cwd, 'remote'));
  const server = await createRegistryServer({ store });
  closing.defer(() => store.close());
  closing.defer(() => server.close());
  return {
    cwd,
    server,
    async image(name, dockerfile) {
      const folder = path.join(cwd, 'images', name);
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, 'Dockerfile'), dockerfile);
      await writeFile(path.join(folder, 'file'), `content of ${name}\n`);
    },
    run: (argv, options) =>
      cli(argv, { cwd, ...options, env: { LONGSHORE_STORE: path.join(cwd, 'store') } }),
  };
}

const SIMPLE = 'FROM scratch\nCOPY file /file\n';

test('builds a folder of images, bases first, and pushes each', { timeout }, async (t) => {
  const { cwd, server, image, run } = await site(t);
  await image('base', SIMPLE);
  await image('app', 'FROM base:latest\nCOPY file /app\nENV A=1\n');
  const argv = ['build', '-f', 'images', '--registry', `${server.host}/team`];
  const planned = await run([...argv, '--dry-run']);
  assert.equal(
    planned.stdout,
    `base ${server.host}/team/base:latest\napp from base ${server.host}/team/app:latest\n`,
  );
  const plan = await run([...argv, '--dry-run', '--json', '--report', 'plan.json']);
  const printed = JSON.parse(plan.stdout);
  schemas.get('build-plan')?.parse(printed);
  assert.deepEqual(printed.targets[1].from, ['base']);
  assert.deepEqual(JSON.parse(await readFile(path.join(cwd, 'plan.json'), 'utf8')), printed);
  const outputs = ['--report', 'report.json', '--junit', 'report.xml'];
  const { exitCode, stdout, stderr } = await run([...argv, '--push', ...outputs]);
  assert.equal(exitCode, 0, stderr);
  assert.match(
    stdout,
    /^\S+\/team\/base:latest sha256:\w{64}\n\S+\/team\/app:latest sha256:\w{64}\n$/,
  );
  assert.match(
    stderr,
    /^assemble 1\.2\.3: no Dockerfile runs anything\nBuilding 2 images with assemble/,
  );
  assert.match(stderr, /^2 images in .*: 2 pushed; /m);
  const document = JSON.parse(await readFile(path.join(cwd, 'report.json'), 'utf8'));
  schemas.get('build')?.parse(document);
  assert.deepEqual(document.counts.pushed, 2);
  const junit = await readFile(path.join(cwd, 'report.xml'), 'utf8');
  assert.match(junit, /<testsuite name="longshore build [\w-]+" tests="2" failures="0"/);
  const again = await run([...argv, '--push', '--json', '--progress', 'quiet']);
  assert.equal(again.stderr, '');
  const states = JSON.parse(again.stdout).targets.map(({ state }: { state: string }) => state);
  assert.deepEqual(states, ['unchanged', 'unchanged']);
});

test('one that fails takes none with it but those built from it; resume goes on', {
  timeout,
}, async (t) => {
  const { cwd, server, image, run } = await site(t);
  await image('bad', 'FROM scratch\nCOPY missing /file\n');
  await image('child', 'FROM bad:latest\nCOPY file /child\n');
  await image('good', SIMPLE);
  const argv = ['build', '-f', 'images', '--push', '--registry', `${server.host}/team`];
  const first = await run([...argv, '--junit', 'report.xml']);
  assert.equal(first.exitCode, 1);
  assert.match(first.stdout, /^\S+\/team\/good:latest sha256:\w{64}\n$/);
  assert.match(first.stderr, /^failed to build bad: .*missing/m);
  assert.match(first.stderr, /^skipped, as bad failed: child$/m);
  assert.match(first.stderr, /^3 images in .*: 1 pushed, 1 failed to build, 1 skipped/m);
  const id = /longshore runs resume (\S+)/.exec(first.stderr)?.[1] ?? '';
  assert.match(
    await readFile(path.join(cwd, 'report.xml'), 'utf8'),
    /<failure type="ERR_\w+" message="[^"]*missing/,
  );

  const shown = await run(['runs', 'show', id]);
  assert.match(shown.stdout, /^failed-build bad: .*\nskipped child: bad failed$/m);
  const listed = await run(['runs', '--json']);
  const { runs } = JSON.parse(listed.stdout);
  schemas.get('runs')?.parse(JSON.parse(listed.stdout));
  assert.deepEqual([runs.length, runs[0].run, runs[0].outcome], [1, id, 'failed']);
  const log = await run(['runs', 'logs', id, 'bad']);
  assert.match(log.stdout, /^# \S+ bad with assemble 1\.2\.3\n(.*\n)*.*missing/);

  await writeFile(path.join(cwd, 'images/bad/missing'), 'here now');
  const resumed = await run(['runs', 'resume']);
  assert.equal(resumed.exitCode, 0, resumed.stderr);
  assert.match(resumed.stderr, /; up already: 1, built and not pushed: 0$/m);
  assert.equal(resumed.stdout.trim().split('\n').length, 3);
  const after = await run(['runs', 'show', id.slice(-4), '--json']);
  schemas.get('build')?.parse(JSON.parse(after.stdout));
  assert.equal(JSON.parse(after.stdout).outcome, 'succeeded');
});

test('every line of a build as JSON is as its schema says', { timeout }, async (t) => {
  const { server, image, run } = await site(t);
  await image('good', SIMPLE);
  await image('bad', 'FROM scratch\nCOPY missing /file\n');
  await image('child', 'FROM bad:latest\nCOPY file /child\n');
  const { stderr } = await run([
    'build',
    '-f',
    'images',
    '--push',
    '--registry',
    server.host,
    '--progress',
    'json',
    '--builders',
    '1',
    '--max-unpushed',
    '1B',
  ]);
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const line of lines) checkLine(line);
  const states = new Set(lines.filter(({ type }) => type === 'target.state').map(({ to }) => to));
  for (const to of ['building', 'queued', 'pushing', 'pushed', 'failed-build', 'skipped']) {
    assert.ok(states.has(to), `${to} is missing`);
  }
  for (const type of [
    'bulk.started',
    'target.step',
    'bulk.progress',
    'bulk.held',
    'bulk.finished',
    'blob.pushed',
  ]) {
    assert.ok(
      lines.some((line) => line.type === type),
      `${type} is missing`,
    );
  }
});

test('Ctrl-C stops builds, names the command that goes on, and that command does', {
  timeout,
}, async (t) => {
  const { server, image, run } = await site(t);
  for (const name of ['a', 'b', 'c', 'd']) await image(name, SIMPLE);
  const signals = new EventEmitter();
  let sent = false;
  const argv = ['build', '-f', 'images', '--push', '--registry', server.host, '--builders', '1'];
  const stopped = await run([...argv, '--progress', 'json'], {
    signals,
    onStderr: (text) => {
      if (sent || !text.includes('"to":"queued"')) return;
      sent = true;
      signals.emit('signal', 'SIGINT');
    },
  });
  assert.equal(stopped.exitCode, 130);
  const finish = stopped.stderr.split('\n').find((line) => line.includes('bulk.finished'));
  const { targets } = JSON.parse(finish ?? '{}');
  assert.equal(targets.total, 4);
  assert.ok(targets.cancelled > 0);
  assert.match(stopped.stderr, /To go on: longshore runs resume \S+/);
  const resumed = await run(['runs', 'resume', '--json', '--progress', 'json']);
  assert.equal(resumed.exitCode, 0, resumed.stderr);
  assert.equal(JSON.parse(resumed.stdout).counts.pushed, 4);
  // One was built before the signal; it is not built again.
  const built = resumed.stderr.split('\n').filter((line) => line.includes('"to":"building"'));
  assert.ok(built.length <= 3, `${built.length} builds`);
});

test('mistakes are one line, and nothing is begun', { timeout }, async (t) => {
  const { cwd, server, image, run } = await site(t);
  await image('runs', 'FROM scratch\nRUN true\n');
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['-f', 'images', '--builder', 'assemble'], 2, /assemble 1\.2\.3 cannot build runs \(.*RUN/],
    [['-f', 'images', 'nothing'], 2, /nothing/],
    [['-f', 'absent.yaml'], 2, /absent\.yaml/],
    [['-f', 'images', '--builder', 'docker'], 2, /--builder: "docker" is not one of/],
    [['-f', 'images', '--junit', 'no/such/report.xml'], 2, /--junit: there is no directory/],
  ];
  for (const [argv, code, message] of cases) {
    const { exitCode, stderr, stdout } = await run(['build', ...argv, '--registry', server.host]);
    assert.equal(exitCode, code, stderr);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
  const bake = { target: { nameless: { context: 'images/runs' } } };
  await writeFile(path.join(cwd, 'bake.json'), JSON.stringify(bake));
  const nameless = await run(['build', '-f', 'bake.json', 'nameless', '--push']);
  assert.equal(nameless.exitCode, 2);
  assert.match(nameless.stderr, /^longshore: --push: nameless has no tag\. Give them tags/);
  assert.equal((await run(['runs'])).stdout, '');
  const missing = await run(['runs', 'show', '2026']);
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /There is no run 2026/);
  await rm(path.join(cwd, 'images'), { recursive: true });
});
