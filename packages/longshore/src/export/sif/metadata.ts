import { digestHex } from '../../image/index.ts';
import type { ExportImage } from '../image.ts';
import type { SifObject } from './format.ts';
import { BASE_DIGEST_LABEL } from './read.ts';

/** The image's labels, and where the container comes from, by the names that Apptainer uses. */
export function labelsOf(image: ExportImage): Record<string, string> {
  const { config, reference, descriptor } = image;
  return {
    ...config.labels,
    'org.label-schema.build-arch': config.architecture,
    ...(config.createdAt === undefined
      ? {}
      : { 'org.label-schema.build-date': new Date(config.createdAt * 1000).toISOString() }),
    'org.label-schema.schema-version': '1.0',
    'org.label-schema.usage': '/.singularity.d/runscript',
    'org.label-schema.usage.singularity.deffile.bootstrap': 'docker',
    'org.label-schema.usage.singularity.deffile.from': reference ?? descriptor.digest,
    [BASE_DIGEST_LABEL]: descriptor.digest,
  };
}

/** What `singularity sif list` shows beside the partition. */
export function sifObjects(image: ExportImage): SifObject[] {
  const from = (image.reference ?? image.descriptor.digest).replaceAll(/[\r\n]/g, ' ');
  return [
    {
      type: 'deffile',
      name: '',
      bytes: Buffer.from(`bootstrap: docker\nfrom: ${from}\n\n`),
    },
    { type: 'labels', name: 'labels.json', bytes: Buffer.from(JSON.stringify(labelsOf(image))) },
    // Apptainer reads this one by its name, and as the part of the config that runtimes read.
    {
      type: 'json',
      name: 'oci-config.json',
      bytes: Buffer.from(JSON.stringify(image.config.runtime)),
    },
  ];
}

/** An identity that follows from the image, in the shape of a UUID version 8 (RFC 9562). */
export function stableUuid(image: ExportImage): Buffer {
  const uuid = Buffer.from(digestHex(image.descriptor.digest).slice(0, 32), 'hex');
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
