import { LongshoreError } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';
import { isDigest } from './digest.ts';
import { isIndexType, isManifestType, isSchema1Type, MEDIA_TYPES } from './mediaTypes.ts';
import type { Platform } from './platform.ts';

/** Largest manifest that is read, as registries and clients agree (distribution-spec, 4 MiB). */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024;

/** One image, or an artifact shaped like one; an artifact may have no layers. */
export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  /** In order, base first. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an image is made of besides its manifest: the config, then the layers in order. */
export function manifestBlobs({ config, layers }: Manifest): Descriptor[] {
  return [config, ...layers];
}

/** A list of manifests, one a platform, or of anything else. */
export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest or an index, OCI or Docker schema 2. Everything that this library later relies
 * on is checked: digests by grammar, sizes as whole numbers, descriptors where they must be.
 * Unknown media types of layers and of index entries are kept as they are.
 *
 * @param mediaType what the registry said it is; the document's own `mediaType` must agree with it
 * @throws LongshoreError `ERR_MANIFEST_INVALID`, `ERR_MANIFEST_SCHEMA1`, `ERR_MANIFEST_UNKNOWN_TYPE`
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index {
  const value = readJson(bytes);
  const declared = optionalString(value, 'mediaType');
  const type = declared ?? mediaType ?? guessType(value);
  refuseSchema1(value, type, mediaType);
  if (
    mediaType !== undefined &&
    isKnown(mediaType) &&
    declared !== undefined &&
    declared !== mediaType
  ) {
    throw invalid(`it says it is ${declared}, its sender says ${mediaType}`);
  }
  // A field of the other kind beside a valid document is how one digest is made to mean two things.
  if ('manifests' in value && ('layers' in value || 'config' in value)) {
    throw invalid('it is both an index and an image');
  }
  if (isIndexType(type)) return readIndex(value, type);
  if (isManifestType(type)) return readManifest(value, type);
  throw new LongshoreError(`Manifest of a type that is not known here: ${type.slice(0, 120)}`, {
    code: 'ERR_MANIFEST_UNKNOWN_TYPE',
    origin: 'registry',
    hint: 'Supported are OCI image manifests and indexes, and those of Docker schema 2',
  });
}

function isKnown(type: string): boolean {
  return isIndexType(type) || isManifestType(type);
}

type Json = Readonly<Record<string, unknown>>;

function readJson(bytes: Uint8Array): Json {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) throw invalid('it is over 4 MiB');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isObject(value)) throw invalid('it is not a JSON object');
  return value;
}

/** OCI makes `mediaType` optional in a document; what it contains then tells what it is. */
function guessType(value: Json): string {
  if (Array.isArray(value['manifests'])) return MEDIA_TYPES.ociIndex;
  return MEDIA_TYPES.ociManifest;
}

function refuseSchema1(value: Json, type: string, sent: string | undefined): void {
  const isOld = value['schemaVersion'] === 1 || isSchema1Type(type) || isSchema1Type(sent ?? '');
  if (!isOld) return;
  throw new LongshoreError('The image is in Docker schema 1, which is not supported', {
    code: 'ERR_MANIFEST_SCHEMA1',
    origin: 'registry',
    hint: 'Push the image again with a Docker of 2017 (17.06) or newer, which writes schema 2',
  });
}

function readManifest(value: Json, mediaType: string): Manifest {
  return {
    kind: 'manifest',
    mediaType,
    config: readDescriptor(value['config'], 'config'),
    layers: readDescriptors(value['layers'], 'layers'),
    ...readCommon(value),
  };
}

function readIndex(value: Json, mediaType: string): Index {
  return {
    kind: 'index',
    mediaType,
    manifests: readDescriptors(value['manifests'], 'manifests'),
    ...readCommon(value),
  };
}

function readCommon(
  value: Json,
): Partial<Pick<Manifest, 'artifactType' | 'subject' | 'annotations'>> {
  const artifactType = optionalString(value, 'artifactType');
  const annotations = readAnnotations(value['annotations']);
  const subject = value['subject'];
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined || subject === null
      ? {}
      : { subject: readDescriptor(subject, 'subject') }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function readDescriptors(value: unknown, where: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`${where} is not a list`);
  return value.map((item: unknown, i) => readDescriptor(item, `${where}[${i}]`));
}

/**
 * Reads a descriptor of foreign data.
 * @param where its place in the document, for the error
 * @throws LongshoreError `ERR_MANIFEST_INVALID`
 */
export function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(`${where} is not a descriptor`);
  const { digest, size, mediaType } = value;
  if (typeof mediaType !== 'string') throw invalid(`${where} has no media type`);
  if (!isDigest(digest)) throw invalid(`${where} has no valid digest: ${preview(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${where} has no valid size: ${preview(size)}`);
  }
  const urls = readStrings(value['urls']);
  const annotations = readAnnotations(value['annotations']);
  const platform = readPlatform(value['platform']);
  const artifactType = optionalString(value, 'artifactType');
  return {
    mediaType,
    digest,
    size,
    ...(urls === undefined ? {} : { urls }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

function readPlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  const variant = optionalString(value, 'variant');
  const osVersion = optionalString(value, 'os.version');
  const osFeatures = readStrings(value['os.features']);
  return {
    os,
    architecture,
    ...(variant === undefined || variant === '' ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
  };
}

function readAnnotations(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}

function readStrings(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item): item is string => typeof item === 'string');
}

function optionalString(value: Json, name: string): string | undefined {
  const found = value[name];
  return typeof found === 'string' ? found : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function preview(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}

function invalid(reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Not a valid manifest: ${reason}`, {
    code: 'ERR_MANIFEST_INVALID',
    origin: 'registry',
    hint: 'The registry or whoever pushed the image is at fault; push it again, or pull another tag',
    cause,
  });
}
