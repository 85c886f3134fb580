import type { BuildStep } from '../../builder.ts';
import { isObject, type JsonObject } from '../json.ts';
import { OutputLines } from '../outputLines.ts';
import { SolveProgress } from '../solveProgress.ts';
import { readTrace } from './trace.ts';

export interface BuildListener {
  readonly onLine: (line: string) => void;
  readonly onStep: (step: BuildStep) => void;
}

/** Reads the messages of a build, classic or BuildKit's, and keeps what matters at its end. */
export class BuildMessages {
  readonly #lines: OutputLines;
  readonly #progress: SolveProgress;
  /** Why it failed, once it has. */
  error: string | undefined;
  /** The container that runs now, where one does. */
  container: string | undefined;
  /** The image, once it is there. */
  image: string | undefined;

  constructor({ onLine, onStep }: BuildListener) {
    this.#progress = new SolveProgress({ onLine, onStep });
    this.#lines = new OutputLines((line) => {
      const step = parseStep(line);
      if (step !== undefined) onStep(step);
      const running = /^ ---> Running in ([0-9a-f]{12,64})$/.exec(line)?.[1];
      if (running !== undefined) this.container = running;
      else if (line.includes(' ---> ')) this.container = undefined;
      if (line !== '') onLine(line);
    });
  }

  take(message: JsonObject): void {
    const { id, stream, status, progress, aux, errorDetail, error } = message;
    if (id === 'moby.buildkit.trace' && typeof aux === 'string') {
      readTrace(Buffer.from(aux, 'base64'), this.#progress);
    }
    if (typeof stream === 'string') this.#lines.push(Buffer.from(stream));
    // Bars are drawn over and over; the words before and after them say enough.
    if (typeof status === 'string' && progress === undefined) {
      this.#lines.push(Buffer.from(`${status}\n`));
    }
    if (isObject(aux) && typeof aux['ID'] === 'string') this.image = aux['ID'];
    const detail = isObject(errorDetail) ? errorDetail['message'] : undefined;
    if (typeof detail === 'string') this.error = detail;
    else if (typeof error === 'string') this.error = error;
  }

  /** The step at which BuildKit gave up; it runs several at once, so that need not be the last begun. */
  get failed(): BuildStep | undefined {
    return this.#progress.failed;
  }

  end(): void {
    this.#progress.end();
    this.#lines.end();
  }
}

/** Reads `Step 2/5 : RUN make`. */
function parseStep(line: string): BuildStep | undefined {
  const [, number, total, name] = /^Step (\d+)\/(\d+) : (.+)$/.exec(line) ?? [];
  if (name === undefined) return undefined;
  return { name, number: Number(number), total: Number(total) };
}
