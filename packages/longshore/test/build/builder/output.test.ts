import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { parseStep, reasonOf, storedImage } from '../../../src/build/builder/buildah/output.ts';
import { BuildxProgress } from '../../../src/build/builder/buildx/progress.ts';
import { parseInspect } from '../../../src/build/builder/buildx/wishes.ts';
import { BuildMessages } from '../../../src/build/builder/engine/messages.ts';
import { LastLines, OutputLines } from '../../../src/build/builder/outputLines.ts';
import type { BuildStep } from '../../../src/build/index.ts';

describe('what builders print', () => {
  it('comes in the same lines however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-zäöü€ ]{0,12}[a-zäöü€]$/)),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const found: string[] = [];
          const output = new OutputLines((line) => found.push(line));
          for (let at = 0; at < bytes.length; ) {
            const size = cuts.next().value ?? 1;
            output.push(bytes.subarray(at, at + size));
            at += size;
          }
          output.end();
          assert.deepEqual(found, lines);
        },
      ),
    );
  });

  it('does not fill the memory where a line never ends', () => {
    const found: string[] = [];
    const output = new OutputLines((line) => found.push(line));
    for (let n = 0; n < 100; n += 1) output.push(Buffer.alloc(1000, 'x'));
    output.end();
    assert.equal(found.join('').length, 100_000);
    assert.ok(found.length >= 12 && found.every((line) => line.length <= 8192));
  });

  it('is remembered to its last lines', () => {
    const last = new LastLines(3);
    for (const line of ['a', 'b', 'c', 'd'.repeat(600)]) last.push(line);
    assert.deepEqual(last.lines, ['b', 'c', `${'d'.repeat(500)}...`]);
  });

  it('from buildah has steps, with and without stages, and a reason', () => {
    const run = { name: 'RUN make', number: 2, total: 3 };
    assert.deepEqual(parseStep('STEP 2/3: RUN make'), run);
    assert.deepEqual(parseStep('[1/2] STEP 2/3: RUN make'), run);
    assert.equal(parseStep('COMMIT docker://127.0.0.1/built:1'), undefined);
    const error = 'Error: building at STEP "RUN echo \\"a\\"": exit status 3';
    assert.equal(reasonOf(['STEP 1/1: RUN', error, 'more']), 'exit status 3');
    assert.equal(reasonOf(['all is well']), undefined);
    const [id, host] = ['5e'.repeat(32), '127.0.0.1:38565'];
    const stuck = `Error: copying image "${id}": trying to reuse blob: Get "https://${host}/v2/"`;
    assert.equal(storedImage(['COMMIT', stuck], host), id);
    assert.equal(storedImage(['COMMIT', stuck], '127.0.0.1:1'), undefined);
    assert.equal(storedImage([error], host), undefined);
  });

  it('from an engine is put together from pieces', () => {
    const [lines, steps]: [string[], BuildStep[]] = [[], []];
    const messages = new BuildMessages({
      onLine: (line) => lines.push(line),
      onStep: (step) => steps.push(step),
    });
    messages.take({ stream: 'Step 1/2 : FROM scr' });
    messages.take({ stream: 'atch\n' });
    messages.take({ stream: ' ---> Running in 0123456789ab\n' });
    assert.equal(messages.container, '0123456789ab');
    messages.take({ status: 'Pulling', progress: '[==> ]' });
    messages.take({ stream: ' ---> ba9876543210\n' });
    assert.equal(messages.container, undefined);
    messages.take({ aux: { ID: 'sha256:1' } });
    messages.take({ errorDetail: { message: 'code: 3' }, error: 'code: 3' });
    messages.end();
    assert.deepEqual(steps, [{ name: 'FROM scratch', number: 1, total: 2 }]);
    assert.deepEqual([messages.image, messages.error], ['sha256:1', 'code: 3']);
    assert.equal(
      lines.some((line) => line.includes('==>')),
      false,
    );
  });

  it('from BuildKit has each step once, its logs, and which one failed', () => {
    const [lines, steps]: [string[], BuildStep[]] = [[], []];
    const progress = new BuildxProgress({
      onLine: (line) => lines.push(line),
      onStep: (step) => steps.push(step),
    });
    const data = (text: string): string => Buffer.from(text).toString('base64');
    const run = { digest: 'sha256:2', name: '[linux/amd64 stage-1 2/3] RUN make', started: 'now' };
    const messages = [
      { vertexes: [{ digest: 'sha256:1', name: '[internal] load .dockerignore', started: 'now' }] },
      { vertexes: [{ digest: 'sha256:2', name: run.name }] },
      { vertexes: [run] },
      { logs: [{ vertex: 'sha256:2', data: data('half a ') }] },
      { logs: [{ vertex: 'sha256:2', data: data('line\nrest') }] },
      { vertexes: [{ ...run, completed: 'then', error: 'exit code: 1' }] },
    ];
    for (const message of messages) progress.take(JSON.stringify(message));
    progress.take('ERROR: failed to solve');
    progress.end();
    const step = { name: 'RUN make', number: 2, total: 3 };
    assert.deepEqual(steps, [step]);
    assert.deepEqual(progress.failed, step);
    assert.deepEqual(lines.slice(1), [run.name, 'half a line', 'ERROR: failed to solve', 'rest']);
  });

  it('from the BuildKit of an engine comes in its own wire format', () => {
    const lines: string[] = [];
    const messages = new BuildMessages({ onLine: (line) => lines.push(line), onStep: () => {} });
    const name = '[2/3] RUN make';
    const vertex = (error: string): Uint8Array =>
      new BinaryWriter()
        .tag(1, 2)
        .string('sha256:2')
        .tag(3, 2)
        .string(name)
        .tag(4, 0)
        .bool(true)
        .tag(5, 2)
        .bytes(Uint8Array.of(8, 1))
        .tag(7, 2)
        .string(error)
        .finish();
    const log = new BinaryWriter()
      .tag(1, 2)
      .string('sha256:2')
      .tag(3, 0)
      .int64(1)
      .tag(4, 2)
      .bytes(Buffer.from('hällo\n'))
      .finish();
    const traces = [
      new BinaryWriter().tag(1, 2).bytes(vertex('')).tag(3, 2).bytes(log),
      new BinaryWriter().tag(1, 2).bytes(vertex('exit code: 1')),
    ];
    for (const trace of traces) {
      const aux = Buffer.from(trace.finish()).toString('base64');
      messages.take({ id: 'moby.buildkit.trace', aux });
    }
    messages.end();
    assert.deepEqual(lines, [name, 'hällo']);
    assert.deepEqual(messages.failed, { name: 'RUN make', number: 2, total: 3 });
  });

  it('of an instance of buildx says what it can do', () => {
    const text = `Name: t1
Driver: docker-container
Nodes:
Name: t10
Status: running
Platforms: linux/amd64*, linux/arm64
Name: t11
Platforms: linux/s390x`;
    const { driver, nodes, platforms, error } = parseInspect(text);
    assert.deepEqual([driver, nodes, error], ['docker-container', 2, undefined]);
    assert.deepEqual(platforms, ['linux/amd64', 'linux/arm64', 'linux/s390x']);
    assert.equal(parseInspect('Driver: remote\nNodes:\nName: a\nError: no one\n').error, 'no one');
  });
});
