import * as z from 'zod';
import { bytes, count, digest, errorSummary, milliseconds, plan, settled } from './parts.ts';

export const pull: z.ZodType = z
  .object({
    verb: z.literal('pull'),
    longshore: z.string().describe('Version of the program'),
    store: z.string().describe('Directory of the store'),
    outcome: z.enum(['succeeded', 'failed', 'cancelled']),
    milliseconds,
    fetchedBytes: bytes.describe('Bytes of blobs that came over the network in this run'),
    settled: z.array(settled).describe('How wide the run settled, for each server of bytes'),
    plan: plan.optional(),
    outputs: z
      .array(
        z.object({
          name: z.string().describe('The store, or an output as --to has it'),
          path: z.string(),
          bytes: bytes.describe('Expected before the run, on the safe side'),
          temporaryBytes: bytes.describe('Needed for a while beside that'),
          inodes: count.optional(),
          freeBytes: z.number().nonnegative().optional(),
          freeInodes: z.number().nonnegative().optional(),
          quotaBytes: z.number().nonnegative().optional().describe('What quotas leave'),
          quotaInodes: z.number().nonnegative().optional(),
        }),
      )
      .describe('What the run was expected to take of disks'),
    images: z
      .array(
        z.object({
          input: z.string().describe('As it was given'),
          where: z.string().optional().describe('File and line, for what came from a list'),
          state: z.enum(['done', 'failed', 'cancelled', 'planned']),
          reference: z.string().optional().describe('The whole name'),
          digest: digest.optional(),
          platform: z.string().optional(),
          layers: count.optional(),
          bytes: bytes.optional().describe('Config and layers, before sharing'),
          error: errorSummary.optional(),
          milliseconds: milliseconds.describe('From the start of the run to its end'),
        }),
      )
      .describe('In the order of the input, one each'),
  })
  .describe('What longshore pull --json prints and --report writes');

export const push: z.ZodType = z
  .object({
    verb: z.enum(['push', 'copy']),
    longshore: z.string().describe('Version of the program'),
    store: z.string().describe('Directory of the store'),
    outcome: z.enum(['succeeded', 'failed', 'cancelled']),
    milliseconds,
    fetchedBytes: bytes.optional().describe('Of a copy: bytes of blobs that came over the network'),
    sentBytes: bytes.describe(
      'Bytes of blobs that went over the network, twice what was sent twice',
    ),
    settled: z.array(settled).describe('How wide the run settled, for each registry pushed to'),
    images: z
      .array(
        z.object({
          source: z.string().describe('As it was given'),
          where: z.string().optional().describe('File and line, for what came from a list'),
          state: z.enum(['pushed', 'unchanged', 'failed', 'cancelled']),
          destination: z.string().optional().describe('The whole name'),
          digest: digest.optional(),
          error: errorSummary.optional(),
          milliseconds,
        }),
      )
      .describe('In the order of the input, one each'),
  })
  .describe('What longshore push and copy print with --json and write with --report');

export const layers: z.ZodType = z
  .object({
    reference: z.string().describe('The whole name'),
    digest,
    platform: z.string().optional(),
    mediaType: z.string(),
    config: z.object({ digest, size: bytes, mediaType: z.string() }),
    layers: z
      .array(z.object({ digest, size: bytes, mediaType: z.string() }))
      .describe('In order, base first'),
    bytes: bytes.describe('Of all layers'),
  })
  .describe('What longshore layers --json prints');

const descriptor = z.object({ mediaType: z.string(), digest, size: bytes });
const sinceEpoch = z.number().describe('Milliseconds since the epoch');

export const cacheLs: z.ZodType = z
  .object({
    store: z.string().describe('Directory of the store'),
    references: z.array(
      z.object({
        name: z.string(),
        descriptor,
        usedAtMs: sinceEpoch.describe('When it was last set or touched'),
        bytes: bytes.describe('Everything that it reaches and that is there'),
        ownBytes: bytes.describe('Bytes among them that no other reference reaches'),
      }),
    ),
    blobs: count,
    bytes,
    unreferencedBytes: bytes,
    partial: z.array(z.object({ digest, bytes })).describe('Unfinished downloads'),
  })
  .describe('What longshore cache ls --json prints');

export const cacheVerify: z.ZodType = z
  .object({
    store: z.string().describe('Directory of the store'),
    blobs: count,
    bytes,
    references: count,
    problems: z.array(
      z.discriminatedUnion('kind', [
        z.object({
          kind: z.literal('damaged-blob'),
          digest,
          size: bytes,
          reason: z.string(),
          repaired: z.boolean(),
        }),
        z.object({
          kind: z.literal('missing-blob'),
          digest,
          size: bytes,
          reference: z.string(),
        }),
        z.object({
          kind: z.literal('invalid-manifest'),
          digest,
          reference: z.string(),
          reason: z.string(),
        }),
        z.object({
          kind: z.literal('damaged-reference'),
          file: z.string(),
          repaired: z.boolean(),
        }),
        z.object({ kind: z.literal('foreign-file'), path: z.string() }),
      ]),
    ),
  })
  .describe('What longshore cache verify --json prints');

export const cachePrune: z.ZodType = z
  .object({
    store: z.string().describe('Directory of the store'),
    dryRun: z.boolean(),
    references: z.array(
      z.object({ name: z.string(), usedAtMs: sinceEpoch, reason: z.enum(['unused', 'size']) }),
    ),
    blobs: z.array(z.object({ digest, size: bytes })),
    leftovers: z.array(z.object({ digest: digest.optional(), bytes })),
    freedBytes: bytes,
    keptBytes: bytes,
    heldBackBytes: bytes,
  })
  .describe('What longshore cache prune --json prints');

const interval = z.object({ value: z.number(), low: z.number(), high: z.number() });

export const tune: z.ZodType = z
  .object({
    verb: z.literal('tune'),
    measured: z.enum(['pull', 'push', 'recorded']).describe('What was measured'),
    design: z.enum(['blocks', 'as-published', 'recorded']),
    seed: z.number(),
    stopped: z
      .enum(['precise', 'blocks', 'budget', 'interrupted', 'failing'])
      .optional()
      .describe('Why measuring ended'),
    blocks: count.describe('Whole blocks that count'),
    runs: count.describe('Runs that count'),
    recommendation: z
      .object({
        workers: count,
        certain: z.boolean().describe('False: merely so on average'),
        alike: z.array(count).describe('Widths within noise of the fastest'),
        ratio: interval.describe('Time over that of the best width, 95 % interval'),
      })
      .optional(),
    arms: z.array(
      z.object({
        id: z
          .string()
          .describe('A count, auto or serial; "4 again" is the second of two equal arms'),
        runs: count,
        medianSeconds: z.number(),
        winShare: z.number().optional().describe('How often it wins when blocks are drawn anew'),
      }),
    ),
    findings: z.array(z.string()),
    notes: z.array(z.object({ kind: z.string(), text: z.string() })).describe('Warnings'),
  })
  .describe('What longshore tune pull, tune push and tune replay print with --json');

const finding = z.object({
  about: z.enum(['machine', 'store', 'engine', 'buildx', 'buildah', 'registry']),
  level: z.enum(['good', 'advice', 'blocker']).describe('blocker: nothing can start like this'),
  text: z.string(),
  change: z.string().optional().describe('What to change'),
  gate: z
    .object({ stage: z.enum(['build', 'push', 'pull']), width: count })
    .optional()
    .describe('So many at once and not more'),
});

export const doctor: z.ZodType = z
  .object({
    verb: z.literal('doctor'),
    longshore: z.string().describe('Version of the program'),
    canStart: z.boolean(),
    narrowest: finding.optional().describe('The first blocker, or what lets the fewest through'),
    findings: z.array(finding),
    facts: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .describe('What the probes saw: machine, store, builders, registry'),
  })
  .describe('What longshore doctor --json prints');
