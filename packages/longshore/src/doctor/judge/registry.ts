import type { Finding, RegistryFacts, WriteFacts } from '../types.ts';

/** Below this share of a quota, a larger pull may not get through. */
const LITTLE_QUOTA = 0.2;
const LOOPBACK = /^http:\/\/(?:127\.|localhost\b|\[::1\])/;

export function judgeRegistry(facts: RegistryFacts): Finding[] {
  const about = 'registry';
  const { registry, refusal, profile } = facts;
  if (refusal !== undefined) {
    const { text, hint } = refusal;
    return [{ about, level: 'blocker', text, ...(hint === undefined ? {} : { change: hint }) }];
  }
  const name = profile === undefined ? '' : ` (${profile.name})`;
  const found: Finding[] = [{ about, level: 'good', text: `${registry}${name} answers` }];
  if (profile !== undefined) found.push({ about, level: 'good', text: profile.notes });
  return [
    ...found,
    ...judgeBlobs(facts),
    ...judgeQuota(facts),
    ...judgeCeiling(facts),
    ...(facts.write === undefined ? [] : judgeWrite(facts.write)),
  ];
}

function judgeBlobs({ blobOrigin, ranges }: RegistryFacts): Finding[] {
  const about = 'registry';
  if (blobOrigin === undefined) return [];
  const from = `Blobs come from ${blobOrigin}`;
  const found: Finding[] = [];
  if (ranges === false) {
    const text = `${from}, which ignores ranges: broken pulls of a layer begin anew, and none is split`;
    found.push({
      about,
      level: 'advice',
      text,
      change: 'Ask whoever runs it, or the proxy before it',
    });
  } else {
    found.push({ about, level: 'good', text: `${from}, which answers ranges with 206` });
  }
  if (blobOrigin.startsWith('http:') && !LOOPBACK.test(blobOrigin)) {
    const text =
      'It is spoken to in plain HTTP: digests protect content, nothing protects credentials';
    found.push({ about, level: 'advice', text, change: 'Use TLS on networks that others share' });
  }
  return found;
}

function judgeQuota({ quota }: RegistryFacts): Finding[] {
  if (quota === undefined) return [];
  const about = 'registry';
  const { limit, remaining } = quota;
  const text = `${remaining} of ${limit} pulls left`;
  if (remaining >= LITTLE_QUOTA * limit) return [{ about, level: 'good', text }];
  return [{ about, level: 'advice', text, change: 'Log in, wait, or use --mirror' }];
}

function judgeCeiling({ registry, ceiling }: RegistryFacts): Finding[] {
  if (ceiling === undefined) return [];
  const text = `Earlier pushes to ${registry} froze, were refused or slowed down with more than ${ceiling} at once`;
  const change =
    'Ask whoever runs the registry; --pushers auto keeps below, and tries again in time';
  const gate = { stage: 'push', width: ceiling } as const;
  return [{ about: 'registry', level: 'advice', text, change, gate }];
}

function judgeWrite({ repository, refusal, chunks, mounts }: WriteFacts): Finding[] {
  const about = 'registry';
  if (refusal !== undefined) {
    const { text, hint } = refusal;
    return [{ about, level: 'blocker', text, ...(hint === undefined ? {} : { change: hint }) }];
  }
  const found: Finding[] = [{ about, level: 'good', text: `Uploads to ${repository} arrive` }];
  if (chunks === false) {
    const text = 'It does not take uploads in chunks: a broken upload begins anew';
    found.push({ about, level: 'advice', text, change: 'Push without --chunk-size' });
  } else if (chunks === true) {
    found.push({ about, level: 'good', text: 'It takes uploads in chunks (--chunk-size)' });
  }
  if (mounts === false) {
    const text = 'It declines mounts: a layer of two repositories is uploaded twice';
    found.push({ about, level: 'advice', text, change: 'Some registries have a setting for it' });
  } else if (mounts === true) {
    found.push({ about, level: 'good', text: 'It mounts blobs of other repositories' });
  }
  return found;
}
