import * as z from 'zod';
import { cacheLs, cachePrune, cacheVerify, doctor, layers, pull, push, tune } from './documents.ts';
import { event } from './event.ts';
import { failure } from './parts.ts';
import { build, buildPlan, runs } from './runs.ts';

const documents = {
  pull,
  report: pull,
  layers,
  'cache-ls': cacheLs,
  'cache-verify': cacheVerify,
  'cache-prune': cachePrune,
  push,
  doctor,
  build,
  'build-plan': buildPlan,
  runs,
  tune,
};

/** The schemas by the names that `longshore schema` knows. */
export const schemas: ReadonlyMap<string, z.ZodType> = new Map([
  ...Object.entries(documents).map(([name, schema]) => [name, orFailure(schema)] as const),
  ['event', event],
]);

function orFailure(schema: z.ZodType): z.ZodType {
  return z.union([schema, failure]).describe(schema.description ?? '');
}

/** JSON Schema (2020-12) of a document that longshore writes. Further fields may come with time. */
export function jsonSchema(name: string): unknown {
  const schema = schemas.get(name);
  return schema === undefined ? undefined : z.toJSONSchema(schema, { io: 'input' });
}
