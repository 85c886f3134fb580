import type { SpecFiles } from '../findFiles.ts';
import type { ReadBuildGraphOptions } from '../options.ts';
import type { Spec } from '../readSpec.ts';
import type { Report } from '../tree.ts';
import { printBake } from './printBake.ts';
import { isHcl, tryBakeJson } from './readBakeJson.ts';
import { spawnBake } from './runBake.ts';

/** Where to get what is missing, and how to do without. */
const WITHOUT =
  'install the buildx plugin of Docker, or its program buildx, on the PATH (no daemon is needed); JSON bake files and compose files are read without it';

/** Has buildx read the bake files, and the compose files that they may build on. */
export async function readByBuildx(
  files: SpecFiles,
  options: ReadBuildGraphOptions,
  report: Report,
): Promise<Spec> {
  const { workingDirectory, environment, overrides = [], targets, signal } = options;
  const printed = await printBake({
    files: [...files.compose, ...files.bake],
    targets,
    overrides,
    cwd: workingDirectory,
    environment,
    signal,
    runBake: options.runBake ?? spawnBake,
    report,
  });
  const nothing = { targets: [], groups: [], wanted: [], warnings: [] };
  if (printed !== undefined) {
    const wanted = targets.length > 0 && printed.targets.length > 0 ? ['default'] : [];
    return { ...nothing, ...printed, wanted };
  }
  for (const file of files.bake.filter(isHcl)) {
    report({ file }, `HCL is read by buildx, which is not here: ${WITHOUT}`);
  }
  const { draft, problems } = await tryBakeJson(files.bake, options);
  for (const { place, message } of problems) report(place, message);
  for (const { place, message } of draft.needsBuildx) {
    report(place, `${message}, which is not here: ${WITHOUT}`);
  }
  return nothing;
}
