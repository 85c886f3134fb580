import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { makeFolder } from '../store/support.ts';

const LOADER = new URL('../../src/cli/loadBundle.ts', import.meta.url).href;

describe('a bundle', () => {
  let home: string;
  let cache: string;

  beforeEach(async (context) => {
    const folder = await makeFolder();
    if ('after' in context) context.after(() => folder[Symbol.asyncDispose]());
    home = folder.path;
    cache = join(home, 'cache');
    await writeFile(join(home, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(home, 'main.cjs'),
      "const { add } = require('./work-abcd1234.cjs');\nexports.answer = async (code) => {\n  process.exitCode = code;\n  const { basename } = await importModule('node:path');\n  return [add(40, 2), basename(__filename), require('node:os').EOL].join(' ').trim();\n};\n",
    );
    await writeFile(
      join(home, 'work-abcd1234.cjs'),
      'function add(a, b) {\n  return a + b;\n}\nexports.add = add;\n',
    );
  });

  /** Runs a command of it in a process of its own. */
  function run(command: string, { exitCode = 0, keeps = true, before = '' } = {}): string {
    const script = `
      process.argv.splice(1, 0, 'longshore');
      const { loadBundle } = await import(${JSON.stringify(LOADER)});
      ${before}
      const folder = ${keeps ? JSON.stringify(cache) : 'undefined'};
      console.log(await loadBundle(${JSON.stringify(join(home, 'main.cjs'))}, folder).answer(${exitCode}));`;
    const args = ['--input-type=module', '-e', script, command];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.deepEqual([stderr, status], ['', exitCode]);
    return stdout.trim();
  }

  async function kept(): Promise<{ name: string; path: string; bytes: Buffer }[]> {
    const names = await readdir(cache).catch((): string[] => []);
    const files = names.toSorted();
    return Promise.all(
      files.map(async (name) => {
        const path = join(cache, name);
        return { name, path, bytes: await readFile(path) };
      }),
    );
  }

  it('is loaded, and its compiled code kept for each command that succeeds', async () => {
    assert.equal(run('pull'), '42 main.cjs');
    const [work, ...others] = await kept();
    assert.ok(work);
    assert.deepEqual(others, []);
    assert.match(work.name, /^pull-work-abcd1234\.cjs\.[a-z0-9]+$/);
    const { mode, mtimeMs } = await stat(work.path);
    assert.equal(mode & 0o777, 0o600);
    assert.equal(run('pull'), '42 main.cjs');
    assert.equal((await stat(work.path)).mtimeMs, mtimeMs);
    run('push');
    run('typo', { exitCode: 2 });
    run('help');
    run('--help');
    assert.deepEqual(
      (await kept()).map(({ name }) => name.replace(/\.[a-z0-9]+$/, '')),
      ['pull-work-abcd1234.cjs', 'push-work-abcd1234.cjs'],
    );
  });

  it('runs without code that is damaged, and keeps it anew', async () => {
    run('pull');
    const [whole] = await kept();
    assert.ok(whole);
    const half = whole.bytes.byteLength / 2;
    const damaged = [
      whole.bytes.subarray(0, half + 7),
      whole.bytes.subarray(1),
      Buffer.alloc(2 * half),
      Buffer.alloc(0),
    ];
    const flipped = Buffer.from(whole.bytes);
    flipped[half - 20] = (flipped[half - 20] ?? 0) ^ 1;
    for (const bytes of [...damaged, flipped]) {
      await writeFile(whole.path, bytes);
      assert.equal(run('pull'), '42 main.cjs');
      const [mended] = await kept();
      assert.ok(mended);
      assert.ok(mended.bytes.subarray(0, half).equals(mended.bytes.subarray(half)));
      assert.equal(mended.bytes.byteLength, 2 * half);
    }
  });

  it('keeps the code of what is there now, and of nothing before it', async () => {
    run('pull');
    run('push');
    const chunk = join(home, 'work-abcd1234.cjs');
    await writeFile(chunk, 'function add(a, b) {\n  return a * b;\n}\nexports.add = add;\n');
    await utimes(chunk, 1e9, 1e9);
    assert.equal(run('pull'), '80 main.cjs');
    const names = (await kept()).map(({ name }) => name);
    assert.deepEqual(
      names.map((name) => name.slice(0, 4)),
      ['pull', 'push'],
    );
    assert.notEqual(names[0]?.slice(4), names[1]?.slice(4));
  });

  it('keeps nothing that V8 would refuse the next time', async () => {
    const before =
      "process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');";
    const after = `process.prependOnceListener('exit', () => { ${before} });`;
    assert.equal(run('pull', { before: after }), '42 main.cjs');
    assert.deepEqual(await kept(), []);
    run('pull');
    assert.equal((await kept()).length, 1);
  });

  it('tells the trouble of a part anew each time it is asked for', async () => {
    await writeFile(join(home, 'work-abcd1234.cjs'), "throw new Error('no luck');\n");
    const script = `
      const { loadBundle } = await import(${JSON.stringify(LOADER)});
      for (const _ of [1, 2]) {
        try { loadBundle(${JSON.stringify(join(home, 'main.cjs'))}); } catch (error) { console.log(error.message); }
      }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.equal(stdout, 'no luck\nno luck\n');
  });

  it('takes no code that others could have written', async () => {
    run('pull');
    const [work] = await kept();
    assert.ok(work);
    await chmod(work.path, 0o666);
    assert.equal(run('pull'), '42 main.cjs');
    assert.equal((await stat(work.path)).mode & 0o777, 0o600);
  });

  it('runs where nothing can be kept', async () => {
    assert.equal(run('pull', { keeps: false }), '42 main.cjs');
    assert.deepEqual(await kept(), []);
    await writeFile(cache, 'in the way');
    assert.equal(run('pull'), '42 main.cjs');
  });
});
