import * as z from 'zod';
import { LongshoreError } from '../errors.ts';
import { type Digest, isDigest } from '../image/index.ts';
import type { TuneResults } from './types.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value));
const count = z.int().min(0).max(1e9);
const time = z.number().min(0).max(1e9);
const text = z.string().max(4096);

const schema = z.object({
  format: z.literal('longshore-tune'),
  version: z.literal(1),
  verb: z.enum(['pull', 'push', 'recorded']),
  design: z.enum(['blocks', 'as-published', 'recorded']),
  seed: z.int(),
  arms: z
    .array(
      z.object({
        id: text,
        workers: z.union([z.int().min(1).max(4096), z.literal('auto')]),
        serial: z.boolean(),
      }),
    )
    .max(5000),
  runs: z
    .array(
      z.object({
        order: count,
        block: count,
        arm: text,
        seconds: time,
        state: z.enum(['ok', 'warm-up', 'throttled', 'failed', 'cached', 'interrupted']),
        bytes: z.number().min(0).optional(),
        retries: count.optional(),
        problem: text.optional(),
        cpuSeconds: time.optional(),
        startedAt: z.number().optional(),
        settledWidth: count.optional(),
        blobs: z
          .array(z.object({ digest: text, bytes: z.number(), start: z.number(), end: z.number() }))
          .optional(),
        samples: z
          .array(z.object({ at: z.number(), width: z.number(), bytesPerSecond: z.number() }))
          .optional(),
        left: z.array(text).max(1000).optional(),
      }),
    )
    .max(100_000),
  voidBlocks: z.array(count),
  dropped: z.array(z.object({ arm: text, why: text })),
  stopped: z.enum(['precise', 'blocks', 'budget', 'interrupted', 'failing']).optional(),
  images: z.array(
    z.object({
      reference: text,
      digest,
      layers: z.array(z.object({ digest, size: z.number().min(0) })).max(100_000),
    }),
  ),
  environment: z
    .object({
      cpu: text,
      cores: count,
      memoryBytes: z.number(),
      system: text,
      node: text,
      longshore: text,
      fileSystem: text.optional(),
      registry: text,
      rttMs: z.number().optional(),
      addressFamily: z.enum(['IPv4', 'IPv6']).optional(),
      remoteAddress: text.optional(),
    })
    .optional(),
});

/**
 * Reads what an experiment has left in `results.json`.
 * @param name of the file, for messages
 * @throws LongshoreError `ERR_TUNE_RESULTS`: no JSON, another version, or not what it should hold
 */
export function parseResults(content: string, name: string): TuneResults {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw broken(`${name} is no JSON`, cause);
  }
  const { format, version } = typeof value === 'object' && value !== null ? (value as Head) : {};
  if (format !== 'longshore-tune') throw broken(`${name} is no result of longshore tune`);
  if (version !== 1) {
    throw broken(`${name} was written by another version (format ${String(version)}, here 1)`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw broken(`${name}: ${issue?.path.join('.')}: ${issue?.message}`, parsed.error);
  }
  // Zod writes `undefined` into the types of optional keys; JSON cannot hold it.
  const results = parsed.data as TuneResults;
  checkRuns(results, name);
  return results;
}

/** What each part of it says may be right and the whole nonsense: somebody has edited it, or joined two. */
function checkRuns({ arms, runs, voidBlocks }: TuneResults, name: string): void {
  const known = new Set(arms.map(({ id }) => id));
  if (known.size < arms.length) throw broken(`${name}: arms: the same arm stands there twice`);
  const seen = new Set<string>();
  for (const [i, { arm, block, state, seconds }] of runs.entries()) {
    const where = `${name}: runs.${i}`;
    if (!known.has(arm)) throw broken(`${where}: there is no arm ${JSON.stringify(arm)}`);
    if (state !== 'ok') continue;
    if (seconds <= 0) throw broken(`${where}: a run that counts took no time`);
    if (voidBlocks.includes(block)) continue;
    if (seen.has(`${block} ${arm}`)) {
      throw broken(`${where}: block ${block} has two runs of ${JSON.stringify(arm)}`);
    }
    seen.add(`${block} ${arm}`);
  }
}

interface Head {
  readonly format?: unknown;
  readonly version?: unknown;
}

function broken(message: string, cause?: unknown): LongshoreError {
  return new LongshoreError(message, {
    code: 'ERR_TUNE_RESULTS',
    origin: 'input',
    hint: 'Give the results.json that longshore tune has written, by this version',
    cause,
  });
}
