import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Diagnosis, Facts, Finding, RegistryProbeOptions } from '../../doctor/index.ts';
import { isRegistryHost, parseReference } from '../../image/index.ts';
import type { PullQuota } from '../../registry/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { withInterrupts } from '../interrupts.ts';
import { storePath } from '../storePath.ts';
import type { CommandContext } from './context.ts';

/** What `doctor --json` prints; its schema is `longshore schema doctor`. */
export interface DoctorDocument extends Diagnosis {
  readonly verb: 'doctor';
  readonly longshore: string;
  readonly facts: Facts;
}

type Asked = Pick<RegistryProbeOptions, 'host' | 'image' | 'writeTo'>;

/** `longshore doctor [REF]` */
export async function runDoctor(context: CommandContext): Promise<number> {
  const { args, settings, host, print } = context;
  const asked = readAsked(args[0], settings.write);
  const facts = await withInterrupts(host, (signal) => examine(context, asked, signal));
  const { diagnose } = await import('../../doctor/index.ts');
  const diagnosis = diagnose(facts);
  const document: DoctorDocument = {
    verb: 'doctor',
    longshore: host.version,
    ...diagnosis,
    facts,
  };
  if (settings.json === true) await printDocument(context, document);
  else print(show(diagnosis));
  return diagnosis.canStart ? EXIT.ok : EXIT.cannotStart;
}

/** @throws LongshoreError `ERR_USAGE` */
function readAsked(given: string | undefined, write: string | undefined): Asked | undefined {
  const writeTo = write === undefined ? undefined : parseReference(write);
  if (given === undefined) {
    return writeTo === undefined
      ? undefined
      : { host: writeTo.registry, image: undefined, writeTo };
  }
  const image = namesHost(given) ? undefined : parseReference(given);
  const host = image?.registry ?? given;
  if (writeTo !== undefined && writeTo.registry !== host) {
    throw usageError(
      `doctor: --write names a repository of ${writeTo.registry}, and ${host} is asked`,
      'Write HOST/REPOSITORY of the same registry',
    );
  }
  return { host, image, writeTo };
}

/** `registry.lab`, `localhost` and `10.0.0.1:5000` are hosts; `debian:12` is an image. */
function namesHost(text: string): boolean {
  const [name = ''] = text.split(':');
  return isRegistryHost(text) && (name.includes('.') || name === 'localhost');
}

async function examine(
  context: CommandContext,
  asked: Asked | undefined,
  signal: AbortSignal,
): Promise<Facts> {
  const { host, places } = context;
  const { probeBuilders, probeMachine, probeStore, programRunner } = await import(
    '../../doctor/index.ts'
  );
  const read = (file: string): Promise<string | undefined> =>
    readFile(file, 'utf8').catch(() => undefined);
  const { uid, username } = os.userInfo();
  const [machine, store, builders, registry] = await Promise.all([
    probeMachine(read, host.env['TMPDIR'] ?? os.tmpdir()),
    probeStore(storePath(context)),
    probeBuilders({
      run: programRunner(host.env),
      read,
      engineSettings: [
        path.join(places.home, '.config/docker/daemon.json'),
        '/etc/docker/daemon.json',
      ],
      buildkitSettings: [
        path.join(places.home, '.config/buildkit/buildkitd.toml'),
        '/etc/buildkit/buildkitd.toml',
      ],
      user: { uid, name: username },
    }),
    asked === undefined ? undefined : askRegistry(context, asked, signal),
  ]);
  return { machine, store, builders, registry };
}

async function askRegistry(
  context: CommandContext,
  asked: Asked,
  signal: AbortSignal,
): Promise<Facts['registry']> {
  const connection = await readConnection(context);
  const { probeRegistry } = await import('../../doctor/index.ts');
  const { openCeilingMemory } = await import('../../transfer/index.ts');
  const memory = await openCeilingMemory(context.places.registryMemory);
  const seen: { quota?: PullQuota } = {};
  // Somebody waits in front of it: what does not answer soon is what there is to say.
  const quick = { ...connection, retry: { maxAttempts: 2 }, headersTimeoutMs: 15_000 };
  const registry = await openRegistry(context, quick, {
    onEvent: (event) => {
      if (event.type === 'registry.quota') seen.quota = event.quota;
    },
  });
  try {
    return await probeRegistry({
      registry,
      ...asked,
      quota: () => seen.quota,
      ceiling: memory.recall(asked.host)?.width,
      signal,
    });
  } finally {
    await registry.close();
  }
}

const MARKS = { good: 'ok', advice: 'advice', blocker: 'BLOCKER' } as const;

function show({ findings, narrowest }: Diagnosis): string {
  const lines = findings.flatMap(({ about, level, text, change }) => [
    `${about.padEnd(9)} ${MARKS[level].padEnd(8)} ${text}`,
    ...(change === undefined ? [] : [`${' '.repeat(19)}${change}`]),
  ]);
  return `${[...lines, '', narrowestLine(narrowest)].join('\n')}\n`;
}

function narrowestLine(finding: Finding | undefined): string {
  if (finding === undefined) return 'Nothing narrow was found.';
  const { text, gate, change } = finding;
  const what = gate === undefined ? text : `${gate.width} to ${gate.stage} at once (${text})`;
  return `Narrowest: ${what}${change === undefined ? '' : `. ${change}`}.`;
}
