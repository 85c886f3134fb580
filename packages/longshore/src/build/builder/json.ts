import { readFile } from 'node:fs/promises';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON object, or `undefined` for whatever else the text holds. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A file with a JSON object; an empty one when there is none: what is not there says nothing. */
export async function readJsonObject(path: string): Promise<JsonObject> {
  return parseObject(await readFile(path, 'utf8').catch(() => '')) ?? {};
}
