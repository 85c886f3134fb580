import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerRegistry } from '../../packages/longshore/test/interop/support/dockerRegistry.ts';
import { writeLayerImage } from '../../packages/longshore/test/interop/support/layerImage.ts';
import { startNginx } from '../../packages/longshore/test/interop/support/nginx.ts';
import { copyWithSkopeo } from '../../packages/longshore/test/interop/support/readBack.ts';
import { type Counted, type ShapedRegistry, startShapedRegistry } from '../pull/shapedRegistry.ts';
import type { NginxScenario, RealScenario, ShapedScenario } from './realScenarios.ts';

/** A registry with one image, behind the limits of a scenario. */
export interface RealStage extends AsyncDisposable {
  /** `HOST:PORT/NAME:TAG` */
  readonly reference: string;
  /** A pull begins: what the registry counts and what changes later start from here. */
  begin(): Promise<void>;
  /** The pull has ended; tells what the registry saw of it. */
  end(): Promise<Counted>;
}

export function setRealStage(scenario: RealScenario, folder: string): Promise<RealStage> {
  return scenario.stage === 'embedded'
    ? setShaped(scenario, folder)
    : setBehindNginx(scenario, folder);
}

async function setShaped(scenario: ShapedScenario, folder: string): Promise<RealStage> {
  return shapedStage(await startStageRegistry(scenario, folder), scenario);
}

export function startStageRegistry(
  { layers }: Pick<ShapedScenario, 'layers'>,
  folder: string,
): Promise<ShapedRegistry> {
  return startShapedRegistry(join(folder, 'registry'), { 'app:1': layers });
}

/** A registry that was started for this, behind other limits. The stage ends with the registry. */
export function shapedStage(
  registry: ShapedRegistry,
  { faults, later }: Pick<ShapedScenario, 'faults' | 'later'>,
): RealStage {
  let timer: NodeJS.Timeout | undefined;
  return {
    reference: `${registry.host}/app:1`,
    async begin() {
      await registry.shape(faults);
      if (later === undefined) return;
      timer = setTimeout(() => void registry.shape(later.faults), later.seconds * 1000);
    },
    end() {
      clearTimeout(timer);
      return registry.counted();
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

async function setBehindNginx(scenario: NginxScenario, folder: string): Promise<RealStage> {
  await using cleanup = new AsyncDisposableStack();
  const registry = cleanup.use(
    await startDockerRegistry({ storage: join(folder, 'docker-registry') }),
  );
  const made = join(folder, 'made');
  const image = await writeLayerImage(made, scenario.layers);
  await copyWithSkopeo(`oci:${made}:${image.name}`, `docker://${registry.host}/app:1`);
  await rm(made, { recursive: true });
  const nginx = cleanup.use(await startNginx({ upstream: registry.host, ...scenario }));
  const owned = cleanup.move();
  let before = 0;
  return {
    reference: `${nginx.host}/app:1`,
    async begin() {
      before = (await nginx.accessLog()).length;
    },
    async end() {
      const lines = (await nginx.accessLog()).slice(before);
      const refusals = lines.filter(({ status }) => status === 429).length;
      return { requests: lines.length, refusals, maxBodies: undefined };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
