import { formatPlatform, type Platform } from '../../../image/index.ts';
import type { BuildTarget } from '../../target.ts';

/** The query of `POST /build`. */
export function buildParameters(
  target: BuildTarget,
  call: {
    /** Path of the Dockerfile in the context. */
    readonly dockerfile: string;
    readonly platform: Platform | undefined;
    /** A name for the image, by which it is pushed. */
    readonly tag: string;
    /** Where BuildKit builds it: the network of targets that name none. */
    readonly kit: { readonly network: string | undefined } | undefined;
  },
): Readonly<Record<string, string | undefined>> {
  const { context } = target;
  const hosts = Object.entries(target.extraHosts);
  return {
    version: call.kit === undefined ? '1' : '2',
    dockerfile: call.dockerfile,
    t: call.tag,
    remote: context.kind === 'url' ? context.url : undefined,
    rm: '1',
    forcerm: '1',
    nocache: target.noCache ? '1' : undefined,
    pull: target.pull ? '1' : undefined,
    target: target.stage,
    platform: call.platform && formatPlatform(call.platform),
    buildargs: JSON.stringify(target.args),
    labels: JSON.stringify(target.labels),
    networkmode: target.network ?? call.kit?.network,
    shmsize: target.shmBytes === undefined ? undefined : String(target.shmBytes),
    ulimits: target.ulimits.length === 0 ? undefined : JSON.stringify(target.ulimits.map(ulimit)),
    extrahosts:
      hosts.length === 0
        ? undefined
        : hosts.flatMap(([host, addresses]) => addresses.map((one) => `${host}:${one}`)).join(','),
    cachefrom:
      target.cacheFrom.length === 0
        ? undefined
        : JSON.stringify(target.cacheFrom.map((entry) => entry['ref'] ?? '')),
  };
}

/** `nofile=1024:2048` as the API has it; one number is both limits. */
function ulimit(text: string): {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
} {
  const [, name = '', soft = '', hard = soft] = /^([^=]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}
