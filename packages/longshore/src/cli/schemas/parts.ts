import * as z from 'zod';
import type { ActiveBlob, PlanSummary, Settled } from '../../transfer/index.ts';

/** Pieces that several documents share. */
export const digest: z.ZodType<string> = z
  .string()
  .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/)
  .describe('Algorithm and lower-case hex digits');

export const bytes: z.ZodType<number> = z.int().nonnegative().describe('Bytes');

export const count: z.ZodType<number> = z.int().nonnegative();

export const milliseconds: z.ZodType<number> = z.number().nonnegative().describe('Milliseconds');

export const at: z.ZodType<number> = z.number().describe('Milliseconds since the epoch');

/** What exists once in the schema and once as a type must be the same; the compiler compares. */
export interface ErrorShape {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export const errorSummary: z.ZodType<ErrorShape> = z
  .object({
    code: z.string().describe('Stable identifier, ERR_ and upper case'),
    message: z.string().describe('What failed, on what, and why'),
    hint: z.string().optional().describe('What to do next'),
  })
  .describe('An error for a person');

/** What any document may be instead: told of a command that an error has ended as a whole. */
export const failure: z.ZodType = z
  .object({
    verb: z.string().describe('As in the document that there would have been, or the command'),
    longshore: z.string().describe('Version of the program'),
    outcome: z.enum(['failed', 'cancelled']).describe('cancelled: it was interrupted'),
    error: errorSummary,
  })
  .describe(
    'An error has ended the whole of it: there is no result, and nothing is said of single images',
  );

/** The fields of a plan, for the document that holds one and for the event that is one. */
export const planShape: { readonly [Key in keyof PlanSummary]: z.ZodType<number> } = {
  images: count,
  blobs: count.describe('Unique blobs over all images, manifests left out'),
  bytes: bytes.describe('Bytes of the unique blobs'),
  sharedBytes: bytes.describe('What the images hold together beyond that: saved by sharing'),
  presentBytes: bytes.describe('Complete in the store already'),
  resumableBytes: bytes.describe('In unfinished downloads of earlier runs'),
  fetchBlobs: count,
  fetchBytes: bytes,
  freeDiskBytes: z.number().nonnegative(),
};

export const plan: z.ZodType<PlanSummary> = z.object(planShape).describe('What the planner found');

const part = z.number().min(0).max(1);
const elasticity = z
  .object({ low: count, high: count, value: z.number(), standardError: z.number() })
  .describe('How goodput answered to the width: 1 grows with it, 0 stays as it is');

/** One server of bytes: how wide the run settled, and why. */
export const settled: z.ZodType<Settled> = z.object({
  origin: z.string(),
  mode: z.enum(['fixed', 'auto']),
  width: count,
  met: z
    .object({
      rangesRefused: count.optional(),
      rangesIgnored: count.optional(),
      rangesWrong: count.optional(),
      addressesRefused: count.optional(),
      refusals: count.optional(),
      longWaits: count.optional(),
      turnedAway: count.optional(),
      broken: count.optional(),
      silent: count.optional(),
      slow: count.optional(),
    })
    .optional()
    .describe('What the server did that had to be worked around, and how often'),
  reason: z.string().optional().describe('Of a push: why this wide'),
  verdict: z
    .object({
      bound: z.enum([
        'link',
        'server',
        'per-connection cap',
        'cpu: hash',
        'disk',
        'rate limit',
        'limit-rate',
        'too little work',
      ]),
      width: count,
      averageFlows: z.number(),
      bytesPerSecond: z.number(),
      bytesPerSecondPerFlow: z.number(),
      seconds: z.number(),
      evidence: z.object({
        idlePart: part,
        cpuPart: part,
        diskPart: part,
        limitPart: part,
        silentPart: part,
        refusals: count,
        breaks: count,
        ceiling: count.optional(),
        paced: z.boolean(),
        atMaximum: z.boolean(),
        above: elasticity.optional(),
        below: elasticity.optional(),
      }),
    })
    .optional(),
});

type ActiveBlobShape = Omit<ActiveBlob, 'digest'> & { readonly digest: string };

export const activeBlob: z.ZodType<ActiveBlobShape> = z.object({
  digest,
  size: bytes,
  doneBytes: bytes,
  bytesPerSecond: z.number(),
  state: z.enum(['moving', 'waiting', 'retrying', 'verifying', 'committing']),
  label: z.string(),
});
