// The Slurm examples, run with programs that only write down how they were called.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { writeProgram } from '../store/support.ts';

const run = promisify(execFile);
const EXAMPLES = join(import.meta.dirname, '../../../../examples/slurm');

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-slurm-'));
  await mkdir(join(home, 'bin'));
});
after(() => rm(home, { recursive: true, force: true }));

async function fake(program: string, script: string): Promise<void> {
  await writeProgram(join(home, 'bin'), program, script);
}

async function bash(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const path = `${join(home, 'bin')}:/usr/bin:/bin`;
  const options = { cwd: home, env: { PATH: path, ...env } };
  return (await run('bash', [join(EXAMPLES, script), ...args], options)).stdout;
}

test('all of them are scripts that bash can read', async () => {
  const names = await readdir(EXAMPLES);
  assert.ok(names.length >= 3);
  for (const name of names) await run('bash', ['-n', join(EXAMPLES, name)]);
});

test('the pulling job hands its list and directory to longshore, with a report', async () => {
  await fake('longshore', 'printf "%s\\n" "$@"');
  const said = await bash('pull-images.sbatch', ['my list.txt', '/out'], { SLURM_JOB_ID: '7' });
  assert.deepEqual(
    said.trimEnd().split('\n'),
    ['pull', '--from', 'my list.txt', '--to', 'sif:/out/', '--name', 'plain'].concat([
      '--progress',
      'plain',
      '--report',
      '/out/pull-7.json',
    ]),
  );
  await assert.rejects(bash('pull-images.sbatch', [], {}), /usage/);
});

test('a task of the array runs its own line, from the node where the image is there', async () => {
  await fake('apptainer', 'printf "%s\\n" "$@"');
  await writeFile(join(home, 'inputs.txt'), 'one\ntwo words\n');
  const local = join(home, 'array-local');
  await mkdir(local);
  const env = { SLURM_ARRAY_TASK_ID: '2', LOCAL_IMAGES: local };
  const args = ['/shared/a=1.sif', 'inputs.txt', 'tool', '--flag'];
  const lines = async (): Promise<string[]> =>
    (await bash('run-array.sbatch', args, env)).trimEnd().split('\n');
  assert.deepEqual(await lines(), ['exec', '/shared/a=1.sif', 'tool', '--flag', 'two words']);
  await writeFile(join(local, 'a=1.sif'), '');
  assert.equal((await lines())[1], join(local, 'a=1.sif'));
});

test('the prolog copies what a comment names, and nothing that it should not', async () => {
  const [shared, local] = [join(home, 'shared'), join(home, 'local')];
  await mkdir(shared);
  await mkdir(local);
  await writeFile(join(shared, 'quay.io_x=1.sif'), 'image');
  await writeFile(join(home, 'secret'), 'secret');
  const env = { SLURM_JOB_ID: '7', SHARED_IMAGES: shared, LOCAL_IMAGES: local };
  for (const comment of [
    'image:../secret',
    'image:.hidden',
    'image:missing.sif',
    'image:-rf',
    'other',
    '',
  ]) {
    await fake('squeue', `echo '${comment}'`);
    await bash('prolog.sh', [], env);
    assert.deepEqual(await readdir(local), [], comment);
  }
  await fake('squeue', "echo 'image:quay.io_x=1.sif'");
  await bash('prolog.sh', [], env);
  assert.deepEqual(await readdir(local), ['quay.io_x=1.sif']);
  assert.equal(await readFile(join(local, 'quay.io_x=1.sif'), 'utf8'), 'image');
  await fake('squeue', 'exit 1');
  await bash('prolog.sh', [], env);
});
