/** What signals come from: `process`, or anything like it in a test. */
export interface InterruptSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface InterruptOptions {
  /** Once, on the first signal: take no more work, let what runs finish. */
  readonly drain: () => void | Promise<void>;
  /** Once, on the second signal: end everything now. */
  readonly terminate: () => void | Promise<void>;
  /** @defaultValue ['SIGINT'], which is Ctrl-C, on Windows too */
  readonly signals?: readonly NodeJS.Signals[];
  /** @defaultValue process */
  readonly source?: InterruptSource;
}

/**
 * Answers Ctrl-C in two steps until it is disposed of. While it is in place the process does not
 * die of these signals: it ends when its work has ended. A third signal and later ones do nothing;
 * an impatient person presses more often than a clean-up takes.
 *
 * The library installs this nowhere by itself. What `drain` or `terminate` throw, or reject with,
 * surfaces as an unhandled rejection.
 */
export function onInterrupt(options: InterruptOptions): Disposable {
  const { signals = ['SIGINT'], source = process } = options;
  const steps = [options.drain, options.terminate];
  const onSignal = (): void => {
    const step = steps.shift();
    if (step !== undefined) void run(step);
  };
  for (const signal of signals) source.on(signal, onSignal);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) source.off(signal, onSignal);
    },
  };
}

async function run(step: () => void | Promise<void>): Promise<void> {
  await step();
}
