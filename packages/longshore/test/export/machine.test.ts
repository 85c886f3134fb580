import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Machine, readMachine } from '../../src/export/squashfs/machine.ts';

const MIB = 1024 ** 2;
const BARE: Machine = { parallelism: 64, memoryBytes: 512 * 1024 * MIB };

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-machine-'));
});
after(() => rm(home, { recursive: true, force: true }));

async function read(groups: string, files: Readonly<Record<string, string>>): Promise<Machine> {
  const mount = await mkdtemp(join(home, 'cgroup-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(mount, name)), { recursive: true });
    await writeFile(join(mount, name), text);
  }
  const groupsFile = join(mount, 'proc-self-cgroup');
  await writeFile(groupsFile, groups);
  return readMachine({ groupsFile, mount, bare: BARE });
}

describe('what a process may use', () => {
  it('is bounded by its group of version 2', async () => {
    assert.deepEqual(
      await read('0::/user.slice\n', {
        'user.slice/memory.max': `${512 * MIB}\n`,
        'user.slice/cpu.max': '150000 100000\n',
      }),
      { parallelism: 2, memoryBytes: 512 * MIB },
    );
  });

  it('is bounded by the groups above, as Slurm has the job and its steps', async () => {
    const step = 'system.slice/slurmstepd.scope/job_7/step_batch';
    assert.deepEqual(
      await read(`0::/${step}/user/task_0\n`, {
        [`${step}/user/task_0/memory.max`]: 'max\n',
        [`${step}/user/task_0/cpu.max`]: 'max 100000\n',
        [`${step}/memory.max`]: `${3072 * MIB}\n`,
        'system.slice/slurmstepd.scope/job_7/memory.max': `${2048 * MIB}\n`,
        'system.slice/slurmstepd.scope/job_7/cpu.max': '400000 100000\n',
      }),
      { parallelism: 4, memoryBytes: 2048 * MIB },
    );
  });

  it('is bounded by groups of version 1, each controller in its own tree', async () => {
    const groups = '5:cpuset:/\n4:memory:/slurm/uid_1/job_7\n3:cpu,cpuacct:/slurm/job_7\n0::/x\n';
    assert.deepEqual(
      await read(groups, {
        'memory/slurm/uid_1/job_7/memory.limit_in_bytes': '9223372036854771712\n',
        'memory/slurm/uid_1/memory.limit_in_bytes': `${1024 * MIB}\n`,
        'cpu/slurm/job_7/cpu.cfs_quota_us': '-1\n',
        'cpu/slurm/job_7/cpu.cfs_period_us': '100000\n',
        'cpu/slurm/cpu.cfs_quota_us': '50000\n',
        'cpu/slurm/cpu.cfs_period_us': '100000\n',
      }),
      { parallelism: 1, memoryBytes: 1024 * MIB },
    );
  });

  it('is what a container sees of its own group, whose path is another one outside', async () => {
    assert.deepEqual(await read('0::/../../docker/abc\n', { 'memory.max': `${64 * MIB}\n` }), {
      ...BARE,
      memoryBytes: 64 * MIB,
    });
  });

  it('is the machine where nothing is limited, or nothing can be read', async () => {
    assert.deepEqual(await read('0::/\n', { 'memory.max': 'max\n' }), BARE);
    assert.deepEqual(await read('', {}), BARE);
    assert.deepEqual(await read('nonsense\n1:memory\n', { 'memory.max': '5' }), BARE);
  });
});
