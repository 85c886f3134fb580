import type { BuildStep } from '../../builder.ts';
import { isObject, type JsonObject, parseObject } from '../json.ts';
import { OutputLines } from '../outputLines.ts';

export interface ProgressListener {
  readonly onLine: (line: string) => void;
  readonly onStep: (step: BuildStep) => void;
}

/** Reads what `--progress=rawjson` prints: BuildKit's `SolveStatus`, one a line, and plain words. */
export class BuildxProgress {
  readonly #listener: ProgressListener;
  readonly #begun = new Set<string>();
  readonly #logs = new Map<string, OutputLines>();
  /** The step that failed, where one did. */
  failed: BuildStep | undefined;

  constructor(listener: ProgressListener) {
    this.#listener = listener;
  }

  take(line: string): void {
    const status = line.startsWith('{') ? parseObject(line) : undefined;
    if (status === undefined) {
      if (line !== '') this.#listener.onLine(line);
      return;
    }
    for (const vertex of objectsIn(status['vertexes'])) this.#takeVertex(vertex);
    for (const log of objectsIn(status['logs'])) this.#takeLog(log);
  }

  end(): void {
    for (const lines of this.#logs.values()) lines.end();
  }

  #takeVertex({ digest, name, started, error }: JsonObject): void {
    if (typeof digest !== 'string' || typeof name !== 'string') return;
    const step = parseVertex(name);
    if (typeof error === 'string' && error !== '') this.failed = step ?? this.failed;
    if (started === undefined || this.#begun.has(digest)) return;
    this.#begun.add(digest);
    this.#listener.onLine(name);
    if (step !== undefined) this.#listener.onStep(step);
  }

  #takeLog({ vertex, data }: JsonObject): void {
    if (typeof vertex !== 'string' || typeof data !== 'string') return;
    let lines = this.#logs.get(vertex);
    if (lines === undefined) {
      lines = new OutputLines(this.#listener.onLine);
      this.#logs.set(vertex, lines);
    }
    lines.push(Buffer.from(data, 'base64'));
  }
}

/** Reads `[2/5] RUN make` and `[linux/arm64 stage-1 2/5] RUN make`; its own work is no step. */
function parseVertex(name: string): BuildStep | undefined {
  const [, number, total, instruction] = /^\[(?:[^\]]* )?(\d+)\/(\d+)\] (.+)$/.exec(name) ?? [];
  if (instruction === undefined) return undefined;
  return { name: instruction, number: Number(number), total: Number(total) };
}

/** What buildx says last of why it gave up. */
export function reasonOf(lines: readonly string[]): string | undefined {
  const last = lines.findLast((line) => line.startsWith('ERROR: '));
  return last?.slice('ERROR: '.length).replace(/^(failed to (build|solve): )+/, '');
}

function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
