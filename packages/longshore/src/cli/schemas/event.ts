import * as z from 'zod';
import type { RunEvent } from '../../run/index.ts';
import type { TransferEvent } from '../../transfer/index.ts';
import type { NoticeLine } from '../render/json.ts';
import {
  activeBlob,
  at,
  bytes,
  count,
  digest,
  errorSummary,
  milliseconds,
  plan,
  planShape,
  settled,
} from './parts.ts';
import { bulkLines, targetState } from './runs.ts';

const image = count.describe('Place in the input, from 0');
const reference = z.string();
const outcome = z.enum(['succeeded', 'failed', 'cancelled']);

const lines = z.discriminatedUnion('type', [
  ...bulkLines,
  line('run.started', {
    verb: z.enum(['pull', 'push']),
    images: count,
    workers: z.union([count, z.literal('auto')]),
  }),
  line('image.resolved', {
    image,
    reference,
    digest,
    platform: z.string().optional(),
    layers: count,
    bytes,
  }),
  line('plan.ready', planShape),
  line('blob.started', { digest, size: bytes, offset: bytes, origin: z.string() }),
  line('blob.waiting', { digest, holder: z.string() }),
  line('blob.retry', {
    digest,
    attempt: count,
    delayMs: z.number(),
    offset: bytes,
    error: errorSummary,
  }),
  line('blob.done', {
    digest,
    size: bytes,
    fetchedBytes: bytes,
    milliseconds,
    by: z.enum(['this-run', 'another-process']),
  }),
  line('blob.failed', { digest, error: errorSummary }),
  line('blob.pushed', {
    digest,
    size: bytes,
    repository: z.string(),
    how: z.enum(['uploaded', 'mounted', 'present']),
    sentBytes: bytes,
    milliseconds,
  }),
  line('upload.cut', { digest, registry: z.string(), silentMs: z.number(), sentBytes: bytes }),
  line('push.width', { registry: z.string(), width: count, reason: z.string() }),
  line('image.done', {
    image,
    reference,
    digest,
    milliseconds,
    how: z.enum(['pushed', 'unchanged']).optional(),
  }),
  line('image.failed', { image, reference, error: errorSummary }),
  line('output.progress', {
    image,
    reference,
    output: z.string().describe('As --to has it: sif:DIR'),
    label: z.string().describe('Short name of the image'),
    step: z.enum(['read', 'write']),
    doneBytes: bytes.describe('Of the image, unpacked'),
    totalBytes: bytes.optional().describe('Missing until the image has been read'),
  }),
  line('output.done', { image, reference, output: z.string() }),
  line('progress', {
    elapsedMs: z.number(),
    doneBytes: bytes,
    totalBytes: bytes,
    bytesPerSecond: z.number(),
    etaMs: z.number().optional(),
    images: z.object({ total: count, done: count, failed: count }),
    blobs: z.object({ total: count, done: count }),
    width: count,
    active: z.array(activeBlob).readonly(),
  }),
  line('run.draining', {}),
  line('run.finished', {
    outcome,
    milliseconds,
    images: z.object({ total: count, done: count, failed: count, cancelled: count }),
    fetchedBytes: bytes,
    sentBytes: bytes.optional(),
    settled: z.array(settled).readonly(),
    plan: plan.optional(),
  }),
  line('registry.retry', {
    origin: z.string(),
    request: z.string(),
    attempt: count,
    delayMs: z.number(),
    reason: z.string(),
  }),
  line('registry.throttled', {
    origin: z.string(),
    status: count,
    retryAfterMs: z.number().optional(),
  }),
  line('registry.quota', {
    registry: z.string(),
    quota: z.object({
      limit: z.number(),
      remaining: z.number(),
      windowSeconds: z.number().optional(),
    }),
  }),
  line('registry.warning', { registry: z.string(), text: z.string() }),
  line('notice', { level: z.enum(['info', 'warning', 'error']), text: z.string() }),
]);

const eventSchema = z.union([lines, targetState]);

function line<Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) {
  return z.object({ type: z.literal(type), at, ...shape });
}

/**
 * Throws where a line is not as its schema says. It does not compile when there is an event that
 * the schema does not know.
 */
export function checkLine(written: TransferEvent | RunEvent | NoticeLine): void {
  const known: z.infer<typeof eventSchema> = written;
  eventSchema.parse(known);
}

export const event: z.ZodType = eventSchema.describe(
  'One line of --progress json on stderr; an object a line',
);
