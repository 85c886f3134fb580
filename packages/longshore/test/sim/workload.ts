import { normal, type Random } from './random.ts';

/** Sizes of blobs in MB. */
export type Workload = readonly number[];

export type WorkloadKind = 'fleet' | 'one image' | 'small' | 'large' | 'image 536' | 'layer 200';

/**
 * `fleet`: the 160 blobs of about 20 images, lognormal with median 10 MB. `one image`: one layer
 * holds most of it. `small`: 1500 files of half a megabyte and less. `large`: 24 layers of 250 to
 * 500 MB. The last two are the named cases of issue 4: twelve layers that make 536 MB with one of
 * 200 MB, and that layer alone.
 */
export function drawWorkload(kind: WorkloadKind, random: Random): Workload {
  switch (kind) {
    case 'fleet':
      return Array.from({ length: 160 }, () => Math.min(900, Math.exp(2.3 + 1.5 * normal(random))));
    case 'one image':
      return [620, 180, 95, 60, 41, 22, 9, 4, 1.2, 0.4, 0.1, 0.1];
    case 'small':
      return Array.from({ length: 1500 }, () => 0.02 + 0.6 * random());
    case 'large':
      return Array.from({ length: 24 }, () => 250 + 250 * random());
    case 'image 536':
      return [200, 120, 80, 50, 30, 20, 14, 10, 6, 4, 1.5, 0.5];
    case 'layer 200':
      return [200];
  }
}
