import * as z from 'zod';
import { cacheLs, cachePrune, cacheVerify, doctor, layers, pull, push, tune } from './documents.ts';
import { event } from './event.ts';
import { build, buildPlan, runs } from './runs.ts';

/** The schemas by the names that `longshore schema` knows. */
export const schemas: ReadonlyMap<string, z.ZodType> = new Map([
  ['pull', pull],
  ['report', pull],
  ['layers', layers],
  ['cache-ls', cacheLs],
  ['cache-verify', cacheVerify],
  ['cache-prune', cachePrune],
  ['push', push],
  ['doctor', doctor],
  ['build', build],
  ['build-plan', buildPlan],
  ['runs', runs],
  ['tune', tune],
  ['event', event],
]);

/** JSON Schema (2020-12) of a document that longshore writes. Further fields may come with time. */
export function jsonSchema(name: string): unknown {
  const schema = schemas.get(name);
  return schema === undefined ? undefined : z.toJSONSchema(schema, { io: 'input' });
}
