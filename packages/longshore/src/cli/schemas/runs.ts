import * as z from 'zod';
import type { LedgerCounts, TagOutcome } from '../../run/index.ts';
import {
  activeBlob,
  at,
  bytes,
  count,
  digest,
  type ErrorShape,
  errorSummary,
  milliseconds,
  settled,
} from './parts.ts';

const target = z.string().describe('Name in the plan');
const outcome = z.enum(['succeeded', 'failed', 'cancelled']);

const counts: z.ZodType<LedgerCounts> = z
  .object({
    total: count,
    waiting: count,
    building: count,
    queued: count.describe('Built, its push has not begun'),
    pushing: count,
    built: count,
    pushed: count,
    unchanged: count.describe('The registry had it under that name already'),
    'failed-build': count,
    'failed-push': count,
    skipped: count.describe('What it is built from has failed'),
    cancelled: count,
  })
  .describe('Targets by state; the states sum up to the total');

type TagShape = Omit<TagOutcome, 'digest' | 'error'> & {
  readonly digest?: string | undefined;
  readonly error?: ErrorShape | undefined;
};

const tag: z.ZodType<TagShape> = z.object({
  destination: z.string().describe('The whole name at the registry'),
  state: z.enum(['pushed', 'unchanged', 'failed', 'cancelled']),
  digest: digest.optional(),
  error: errorSummary.optional(),
});

export const build: z.ZodType = z
  .object({
    verb: z.literal('build'),
    longshore: z.string().describe('Version of the program'),
    store: z.string().describe('Directory of the store'),
    run: z.string().describe('Identifier, for longshore runs'),
    builder: z.string(),
    outcome: z.enum([...outcome.options, 'unfinished']),
    milliseconds: milliseconds.optional(),
    sentBytes: bytes.optional(),
    settled: z.array(settled).optional(),
    counts,
    targets: z
      .array(
        z.object({
          name: target,
          state: z.string(),
          digest: digest.optional(),
          where: z.string().describe('File and line of the specification'),
          tags: z.array(tag),
          error: errorSummary.optional(),
          because: z.string().optional().describe('The failed target that it is built from'),
          buildMilliseconds: milliseconds.optional(),
          log: z.string().describe('Path of what the build printed'),
        }),
      )
      .describe('In the order of the plan, each in one state'),
  })
  .describe('What longshore build and runs resume print with --json and write with --report');

export const buildPlan: z.ZodType = z
  .object({
    verb: z.literal('build'),
    longshore: z.string().describe('Version of the program'),
    outcome: z.literal('planned'),
    targets: z
      .array(
        z.object({
          name: target,
          where: z.string().describe('File and line of the specification'),
          from: z.array(target).describe('The targets that it is built from'),
          tags: z.array(z.string()),
        }),
      )
      .describe('Each after what it is built from'),
  })
  .describe('What longshore build --dry-run prints with --json and writes with --report');

export const runs: z.ZodType = z
  .object({
    store: z.string().describe('Directory of the store'),
    runs: z
      .array(
        z.object({
          run: z.string(),
          createdAt: z.string().describe('ISO 8601'),
          outcome: z.enum([...outcome.options, 'unfinished']),
          command: z.array(z.string()),
          targets: count,
        }),
      )
      .describe('Oldest first'),
  })
  .describe('What longshore runs --json prints');

const image = z.object({ mediaType: z.string(), digest, size: bytes });
const step = z.object({ name: z.string(), number: count, total: count.optional() });

function state<To extends string, Shape extends z.ZodRawShape>(to: To, shape: Shape) {
  return z.object({ type: z.literal('target.state'), at, target, to: z.literal(to), ...shape });
}

const stored = { image, newBytes: bytes, milliseconds };

/** A target has changed its state. */
export const targetState = z.discriminatedUnion('to', [
  state('building', {}),
  state('queued', stored),
  state('built', stored),
  state('pushing', {}),
  state('pushed', { tags: z.array(tag).readonly() }),
  state('unchanged', { tags: z.array(tag).readonly() }),
  state('failed-push', { tags: z.array(tag).readonly(), error: errorSummary }),
  state('failed-build', { error: errorSummary }),
  state('skipped', { because: z.string() }),
  state('cancelled', {}),
]);

function line<Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) {
  return z.object({ type: z.literal(type), at, ...shape });
}

/** What runs of builds tell beside changes of state. */
export const bulkLines = [
  line('bulk.started', {
    run: z.string(),
    targets: count,
    built: count,
    up: count,
    builder: z.enum(['buildx', 'engine', 'buildah', 'assemble']),
    builders: count,
    pushers: z.union([count, z.literal('auto')]).optional(),
  }),
  line('target.step', { target, step }),
  line('target.retry', { target, attempt: count, reason: z.string() }),
  line('bulk.held', { held: z.boolean(), unpushedBytes: bytes }),
  line('bulk.progress', {
    elapsedMs: z.number(),
    targets: counts,
    unpushedBytes: bytes,
    sentBytes: bytes,
    bytesPerSecond: z.number(),
    builds: z.array(z.object({ target, step: step.optional(), milliseconds })).readonly(),
    uploads: z.array(activeBlob).readonly(),
    width: count,
  }),
  line('bulk.draining', {}),
  line('bulk.finished', {
    run: z.string(),
    outcome,
    milliseconds,
    targets: counts,
    sentBytes: bytes,
    settled: z.array(settled).readonly(),
  }),
] as const;
