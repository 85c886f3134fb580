import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import type { Descriptor } from '../../src/image/index.ts';
import { createRegistryServer } from '../../src/serve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { until } from '../support/until.ts';
import { type BuilderBench, type BuilderSubject, buildFails, useBench } from './builderContract.ts';

/** A builder that runs commands, and what is needed to try that. */
export interface RunningSubject extends BuilderSubject {
  /** A static busybox for the base image. */
  readonly busybox: string;
  /** Ends the builder's processes, or its daemon, as a crash would. */
  crash(): Promise<void>;
}

const BASE = 'registry.invalid/busybox:1';

/** What every builder with `RUN` must do besides. */
export function testRunContract(subject: RunningSubject): void {
  const { kind, skip = false, timeoutMs: timeout = 60_000 } = subject;
  void describe(`builder contract with RUN: ${kind}`, { skip }, () => {
    const bench = useBench(subject);
    let base: Promise<Descriptor> | undefined;
    const check = (what: string, body: (bench: BusyboxBench) => Promise<void>): void => {
      void it(what, { timeout }, async () => {
        base ??= makeBase(bench(), subject.busybox);
        await body({ bench: bench(), bases: { [BASE]: await base } });
      });
    };
    testRuns(check);
    testRunFailures(check);
    testEndings(check, subject);
  });
}

interface BusyboxBench {
  readonly bench: BuilderBench;
  readonly bases: Readonly<Record<string, Descriptor>>;
}

type Check = (what: string, body: (bench: BusyboxBench) => Promise<void>) => void;

async function makeBase(bench: BuilderBench, busybox: string): Promise<Descriptor> {
  const target = await bench.target({
    Dockerfile:
      'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
    busybox: await readFile(busybox),
  });
  return (await bench.build(target)).image;
}

function testRuns(check: Check): void {
  check('runs commands, logs what they say and keeps what they leave', async ({ bench, bases }) => {
    const target = await bench.target(
      { Dockerfile: `FROM ${BASE}\nARG WHO\nRUN echo "hello $WHO"; echo -n "$WHO" > /who\n` },
      { args: { WHO: 'world' } },
    );
    const { image, lines } = await bench.build(target, { bases });
    assert.equal((await bench.files(image)).get('who')?.data, 'world');
    assert.ok(
      lines.some((line) => line.endsWith('hello world')),
      lines.join('\n'),
    );
  });

  check('gives secrets to a command, and to nothing else', async ({ bench, bases }) => {
    const word = `secret-${randomInt(1e9)}`;
    const target = await bench.target({
      Dockerfile: `FROM ${BASE}\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n`,
    });
    assert.ok(target.context.kind === 'folder');
    const path = join(target.context.path, '..', `token-${randomInt(1e9)}`);
    await writeFile(path, word);
    const asking = { ...target, secrets: [{ id: 'token', from: { kind: 'file' as const, path } }] };
    const phrases = await bench.builder.unsupported(asking);
    if (phrases.length > 0) return assert.match(phrases.join(), /secret/);
    const { image, lines } = await bench.build(asking, { bases });
    const files = await bench.files(image);
    assert.equal(files.get('length')?.data?.trim(), String(word.length));
    assert.notEqual(files.get('run/secrets/token')?.data, word);
    assert.equal(lines.join('\n').includes(word), false);
  });

  check('builds anew without the cache', async ({ bench, bases }) => {
    const target = await bench.target(
      { Dockerfile: `FROM ${BASE}\nRUN cat /proc/sys/kernel/random/uuid > /id\nENV A=1\n` },
      { noCache: true },
    );
    const first = await bench.build(target, { bases });
    const second = await bench.build(target, { bases });
    const id = async (built: typeof first): Promise<string | undefined> =>
      (await bench.files(built.image)).get('id')?.data;
    assert.notEqual(await id(first), await id(second));
  });

  check('keeps its cache in a registry, where it can', async ({ bench, bases }) => {
    await using cleanup = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'longshore-caches-'));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const store = await openStore(join(folder, 'store'));
    cleanup.defer(() => store.close());
    const registry = cleanup.use(await createRegistryServer({ store }));
    const entry = { type: 'registry', ref: `${registry.host}/cache/of:it` };
    const target = await bench.target(
      { Dockerfile: `FROM ${BASE}\nRUN echo -n kept > /file\n` },
      { cacheFrom: [entry], cacheTo: [entry] },
    );
    const phrases = await bench.builder.unsupported(target);
    if (phrases.length > 0) return assert.match(phrases.join(), /cache/);
    const { image } = await bench.build(target, { bases });
    assert.equal((await bench.files(image)).get('file')?.data, 'kept');
    const answer = await fetch(new URL('/v2/cache/of/tags/list', registry.url));
    assert.equal(answer.status, 200);
  });

  check('makes the same image again of what has not changed', async ({ bench, bases }) => {
    const Dockerfile = `FROM ${BASE}\nRUN cat /proc/sys/kernel/random/uuid > /id\n`;
    // An engine keeps no image, and so no last step, that nobody has named.
    const target = await bench.target({ Dockerfile }, { tags: ['localhost/kept:1'] });
    const first = await bench.build(target, { bases });
    const second = await bench.build(target, { bases });
    assert.equal(second.image.digest, first.image.digest);
  });

  check('runs several at once', async ({ bench, bases }) => {
    const built = await Promise.all(
      Array.from({ length: 4 }, async (_, number) => {
        const Dockerfile = `FROM ${BASE}\nRUN echo -n ${number} > /number\n`;
        return bench.build(await bench.target({ Dockerfile }), { bases });
      }),
    );
    for (const [number, { image }] of built.entries()) {
      assert.equal((await bench.files(image)).get('number')?.data, String(number));
    }
  });
}

function testRunFailures(check: Check): void {
  check('shows the end of what a failing command said', async ({ bench, bases }) => {
    const Dockerfile = `FROM ${BASE}\nRUN for n in $(seq 1 60); do echo "line $n of it"; done; exit 3\n`;
    const target = await bench.target({ Dockerfile });
    const failing = bench.build(target, { bases });
    await assert.rejects(failing, buildFails('ERR_BUILD_FAILED', 'RUN for n in', 'line 60 of it'));
    await assert.rejects(failing, (error: Error) => !/line 9 of it/.test(error.message));
  });
}

function testEndings(check: Check, subject: RunningSubject): void {
  check('ends a build that is called off, with all that runs for it', async ({ bench, bases }) => {
    // A number that no other process on this machine sleeps for.
    const seconds = String(100_000 + randomInt(1e8));
    const target = await bench.target({
      Dockerfile: `FROM ${BASE}\nRUN echo "now it waits"; sleep ${seconds}\n`,
    });
    const caller = new AbortController();
    const reason = new Error('called off');
    let begun = 0;
    const building = bench.build(target, {
      bases,
      signal: caller.signal,
      onLog: (line) => {
        if (!line.endsWith('now it waits') || caller.signal.aborted) return;
        begun = performance.now();
        caller.abort(reason);
      },
    });
    await assert.rejects(building, reason);
    assert.ok(performance.now() - begun < 15_000, 'it took too long to end');
    assert.deepEqual(await processesWith(seconds), []);
  });

  check('tells a builder that died from a build that failed', async ({ bench, bases }) => {
    const seconds = String(100_000 + randomInt(1e8));
    const target = await bench.target({
      Dockerfile: `FROM ${BASE}\nRUN echo "now it waits"; sleep ${seconds}\n`,
    });
    let crashed: Promise<void> | undefined;
    const building = bench.build(target, {
      bases,
      onLog: (line) => {
        if (line.endsWith('now it waits')) crashed ??= subject.crash();
      },
    });
    await assert.rejects(building, buildFails('ERR_BUILDER_GONE'));
    await crashed;
    // One that was sent SIGKILL can be seen until it gets its turn to end.
    await until(async () => (await processesWith(seconds)).length === 0);
  });
}

/** Command lines of processes that hold a word. */
async function processesWith(word: string): Promise<readonly string[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    numbers.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(word)).map((line) => line.replaceAll('\0', ' '));
}
