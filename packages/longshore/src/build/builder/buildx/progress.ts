import type { BuildStep } from '../../builder.ts';
import { isObject, type JsonObject, parseObject } from '../json.ts';
import { type ProgressListener, SolveProgress } from '../solveProgress.ts';

/** Reads what `--progress=rawjson` prints: BuildKit's `SolveStatus`, one a line, and plain words. */
export class BuildxProgress {
  readonly #onLine: (line: string) => void;
  readonly #progress: SolveProgress;

  constructor(listener: ProgressListener) {
    this.#onLine = listener.onLine;
    this.#progress = new SolveProgress(listener);
  }

  /** The step that failed, where one did. */
  get failed(): BuildStep | undefined {
    return this.#progress.failed;
  }

  take(line: string): void {
    const status = line.startsWith('{') ? parseObject(line) : undefined;
    if (status === undefined) {
      if (line !== '') this.#onLine(line);
      return;
    }
    for (const vertex of objectsIn(status['vertexes'])) this.#takeVertex(vertex);
    for (const { vertex, data } of objectsIn(status['logs'])) {
      if (typeof vertex !== 'string' || typeof data !== 'string') continue;
      this.#progress.log(vertex, Buffer.from(data, 'base64'));
    }
  }

  end(): void {
    this.#progress.end();
  }

  #takeVertex({ digest, name, started, error }: JsonObject): void {
    if (typeof digest !== 'string' || typeof name !== 'string') return;
    this.#progress.vertex({
      digest,
      name,
      started: started !== undefined,
      error: typeof error === 'string' ? error : '',
    });
  }
}

/** What buildx says last of why it gave up. */
export function reasonOf(lines: readonly string[]): string | undefined {
  const last = lines.findLast((line) => line.startsWith('ERROR: '));
  return last?.slice('ERROR: '.length).replace(/^(failed to (build|solve): )+/, '');
}

function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
