import type { BuildStep } from '../builder.ts';
import { OutputLines } from './outputLines.ts';

export interface ProgressListener {
  readonly onLine: (line: string) => void;
  readonly onStep: (step: BuildStep) => void;
}

/** What BuildKit tells of one of its steps, over and over while it goes on. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly started: boolean;
  /** Empty while nothing is wrong. */
  readonly error: string;
}

/** Turns what BuildKit tells of a build (`SolveStatus`, in whatever form it comes) into lines and steps. */
export class SolveProgress {
  readonly #listener: ProgressListener;
  readonly #begun = new Set<string>();
  readonly #logs = new Map<string, OutputLines>();
  /** The step that failed, where one did. */
  failed: BuildStep | undefined;

  constructor(listener: ProgressListener) {
    this.#listener = listener;
  }

  vertex({ digest, name, started, error }: Vertex): void {
    const step = parseVertex(name);
    if (error !== '') this.failed = step ?? this.failed;
    if (!started || this.#begun.has(digest)) return;
    this.#begun.add(digest);
    this.#listener.onLine(name);
    if (step !== undefined) this.#listener.onStep(step);
  }

  /** @param vertex digest of the step that printed it */
  log(vertex: string, data: Uint8Array): void {
    let lines = this.#logs.get(vertex);
    if (lines === undefined) {
      lines = new OutputLines(this.#listener.onLine);
      this.#logs.set(vertex, lines);
    }
    lines.push(data);
  }

  end(): void {
    for (const lines of this.#logs.values()) lines.end();
  }
}

/** Reads `[2/5] RUN make` and `[linux/arm64 stage-1 2/5] RUN make`; its own work is no step. */
function parseVertex(name: string): BuildStep | undefined {
  const [, number, total, instruction] = /^\[(?:[^\]]* )?(\d+)\/(\d+)\] (.+)$/.exec(name) ?? [];
  if (instruction === undefined) return undefined;
  return { name: instruction, number: Number(number), total: Number(total) };
}
