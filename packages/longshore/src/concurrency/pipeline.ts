import { runStages } from './pipelineEngine.ts';
import { planStage, type StagePlan } from './pipelineStage.ts';
import type { Pipeline, PipelineOptions, PipelineReport, PipelineStart } from './pipelineTypes.ts';
import { checkTimeout } from './poolErrors.ts';

/**
 * Items through stages, each as wide as it likes, with a bounded queue between them: a narrow stage
 * holds a wide one back instead of letting its results pile up.
 *
 * ```ts
 * const report = await pipeline(specs)
 *   .stage({ name: 'build', width: 8, run: (spec, { signal }) => build(spec, signal) })
 *   .stage({ name: 'push', width: 2, queue: { capacity: 4 }, run: (image) => push(image) })
 *   .run();
 * ```
 *
 * @throws LongshoreError `ERR_BAD_TIMEOUT` for `abandonAfterMs`
 */
export function pipeline<I>(
  items: Iterable<I> | AsyncIterable<I>,
  options: PipelineOptions = {},
): PipelineStart<I> {
  checkTimeout(options.abandonAfterMs);
  return { stage: (first) => build(items, options, [planStage(first)]) };
}

function build<I, T>(
  items: Iterable<I> | AsyncIterable<I>,
  options: PipelineOptions,
  plans: readonly StagePlan[],
): Pipeline<I, T> {
  return {
    stage: (next) => build(items, options, [...plans, planStage(next)]),
    // The engine carries values from stage to stage untouched; the builder's types say what they are.
    run: async () => (await runStages(items, plans, options)) as PipelineReport<I, T>,
  };
}
