import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { SolveProgress, Vertex } from '../solveProgress.ts';

/**
 * Reads a `moby.buildkit.trace` of the engine's build stream: a `StatusResponse` of BuildKit's control API
 * (moby/buildkit, `api/services/control/control.proto`), of which steps and their output are wanted.
 */
export function readTrace(bytes: Uint8Array, progress: SolveProgress): void {
  for (const [number, message] of fieldsOf(bytes)) {
    if (number === STATUS.vertexes) progress.vertex(readVertex(message));
    else if (number === STATUS.logs) readLog(message, progress);
  }
}

const STATUS = { vertexes: 1, logs: 3 } as const;
const VERTEX = { digest: 1, name: 3, started: 5, error: 7 } as const;
const LOG = { vertex: 1, data: 4 } as const;

function readVertex(bytes: Uint8Array): Vertex {
  const fields = new Map(fieldsOf(bytes));
  return {
    digest: text(fields.get(VERTEX.digest)),
    name: text(fields.get(VERTEX.name)),
    started: fields.has(VERTEX.started),
    error: text(fields.get(VERTEX.error)),
  };
}

function readLog(bytes: Uint8Array, progress: SolveProgress): void {
  const fields = new Map(fieldsOf(bytes));
  progress.log(text(fields.get(LOG.vertex)), fields.get(LOG.data) ?? new Uint8Array());
}

/** Fields that have a length: strings, bytes and messages. Numbers are passed over. */
function* fieldsOf(bytes: Uint8Array): Generator<[number: number, value: Uint8Array]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) yield [number, reader.bytes()];
    else reader.skip(wireType, number);
  }
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}
