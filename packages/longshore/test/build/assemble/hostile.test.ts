import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readContent } from '../../../src/build/assemble/content.ts';
import { FolderTree } from '../../../src/build/context/folderTree.ts';
import type { BuildTarget } from '../../../src/build/index.ts';
import { file, hardlink, symlink as tarLink } from '../../export/helpers/tarBuilder.ts';
import { buildFails } from '../builderContract.ts';
import { useAssemble } from './support.ts';

const assemble = useAssemble();

async function contextOf(dockerfile: string): Promise<{ target: BuildTarget; folder: string }> {
  const target = await assemble.bench().target({ Dockerfile: dockerfile, f: 'f' });
  assert.ok(target.context.kind === 'folder');
  return { target, folder: target.context.path };
}

function fails(target: BuildTarget, ...parts: readonly string[]): Promise<void> {
  return assert.rejects(
    assemble.bench().build(target),
    buildFails('ERR_BUILD_FAILED', `Dockerfile:2`, ...parts),
  );
}

describe('a hostile context', () => {
  it('cannot lead out by a symlink that is a source, or that stands on the way to one', async () => {
    const links = {
      up: '../../../etc/passwd',
      absolute: '/etc/passwd',
      folder: '../..',
      loop: 'loop',
    };
    for (const [name, to] of Object.entries(links)) {
      const { target, folder } = await contextOf(`FROM scratch\nCOPY ${name} /x\n`);
      await symlink(to, join(folder, name));
      await fails(target, `"${name}"`, 'the build context');
    }
    const { target, folder } = await contextOf('FROM scratch\nCOPY folder/etc/passwd /x\n');
    await symlink('/', join(folder, 'folder'));
    await fails(target, 'folder/etc', 'the build context');
  });

  it('has its symlinks copied as links, wherever they lead', async () => {
    const { target, folder } = await contextOf('FROM scratch\nCOPY sub /sub\n');
    await mkdir(join(folder, 'sub'));
    await symlink('/etc/shadow', join(folder, 'sub/link'));
    const files = await assemble.bench().files((await assemble.bench().build(target)).image);
    assert.equal(files.get('sub/link')?.link, '/etc/shadow');
  });

  it('has its sockets left out and said, its pipes refused', async () => {
    const { target, folder } = await contextOf('FROM scratch\nCOPY . /all\n');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
    const { image, lines } = await assemble.bench().build(target);
    await new Promise((resolve) => server.close(resolve));
    assert.ok(
      lines.some((line) => line.includes('"s"') && line.includes('socket')),
      lines.join(),
    );
    assert.equal((await assemble.bench().files(image)).has('all/s'), false);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await fails(target, '"pipe"', 'a device or a pipe');
  });

  it('is refused where a name would mean a removal', async () => {
    const { target, folder } = await contextOf('FROM scratch\nCOPY . /all\n');
    await writeFile(join(folder, '.wh.f'), '');
    await fails(target, '.wh.f', 'cannot be in an image');
  });

  it('keeps names that are not UTF-8 apart', async () => {
    const { target, folder } = await contextOf('FROM scratch\nCOPY sub /sub\n');
    await mkdir(join(folder, 'sub'));
    for (const byte of [0xfe, 0xff]) {
      const path = Buffer.concat([Buffer.from(`${folder}/sub/`), Buffer.from([byte])]);
      await writeFile(path, String(byte));
    }
    const files = await assemble.bench().files((await assemble.bench().build(target)).image);
    assert.equal(files.get('sub/\u00fe')?.data, '254');
    assert.equal(files.get('sub/\u00ff')?.data, '255');
  });

  it('that is written to while it is read is told from one that is not', async () => {
    const { folder } = await contextOf('FROM scratch\n');
    const path = join(folder, 'f');
    const changes: (() => Promise<void>)[] = [
      () => appendFile(path, 'more'),
      () => writeFile(path, ''),
      () => rm(path),
      async () => {
        await writeFile(`${path}.new`, 'f');
        await rename(`${path}.new`, path);
      },
      async () => {
        await rm(path);
        await symlink('/etc/passwd', path);
      },
    ];
    for (const change of changes) {
      await rm(path, { force: true });
      await writeFile(path, 'f');
      const node = await new FolderTree(folder).stat('f');
      assert.ok(node?.content !== undefined);
      await change();
      const signal = new AbortController().signal;
      const { content, size } = node;
      const reading = async (): Promise<void> => {
        for await (const _ of readContent(content, size, { signal }));
      };
      await assert.rejects(reading(), { code: 'ERR_CONTEXT_CHANGED', message: /has changed/ });
    }
  });

  it('names what cannot be read', {
    skip: process.geteuid?.() === 0 && 'root reads all',
  }, async () => {
    const { target, folder } = await contextOf('FROM scratch\nCOPY . /all\n');
    await chmod(join(folder, 'f'), 0);
    await fails(target, 'f', 'EACCES');
  });
});

describe('a hostile archive', () => {
  const add = (tar: Buffer, base = ''): Promise<unknown> =>
    assemble.build(`FROM scratch\n${base}ADD t.tar /in/\n`, { 't.tar': tar });

  it('cannot lead out of its place', async () => {
    await assert.rejects(
      add(Buffer.concat([file('../out', 'x'), Buffer.alloc(1024)])),
      buildFails('ERR_BUILD_FAILED', '../out', 'leads out'),
    );
    // A link within it is followed in the image, and in nothing else.
    const tar = Buffer.concat([
      tarLink('way', '/elsewhere'),
      file('way/file', 'x'),
      Buffer.alloc(1024),
    ]);
    const tree = await assemble.tree('FROM scratch\nADD t.tar /in/\n', { 't.tar': tar });
    assert.equal(tree['elsewhere/file'], ':x 644 0');
    assert.equal(tree['in/way'], '>/elsewhere 777 0');
  });

  it('cannot link to what it does not hold', async () => {
    const tar = Buffer.concat([hardlink('shadow', 'etc/shadow'), Buffer.alloc(1024)]);
    await assert.rejects(add(tar), buildFails('ERR_BUILD_FAILED', 'hard link to nothing'));
  });

  it('that is cut short fails', async () => {
    const tar = Buffer.concat([file('a', 'a'), file('b', Buffer.alloc(5000)).subarray(0, 3000)]);
    await assert.rejects(add(tar), buildFails('ERR_BUILD_FAILED', 'Dockerfile:2'));
  });

  it('in a compression that is not known here is not taken for a file', async () => {
    await assert.rejects(
      add(Buffer.from('\xfd7zXZ\0and more', 'latin1')),
      buildFails('ERR_BUILD_FAILED', 'xz'),
    );
  });
});
