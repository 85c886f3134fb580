import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf, REGISTRY_PROFILES } from '../../../src/transfer/push/profiles.ts';

const HOSTS: Readonly<Record<string, string>> = {
  'ghcr.io': 'GHCR',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com': 'ECR',
  'public.ecr.aws': 'ECR',
  'europe-docker.pkg.dev': 'GAR',
  'eu.gcr.io': 'GAR',
  'mine.azurecr.io': 'ACR',
  'quay.io:443': 'Quay',
  'registry.gitlab.com': 'GitLab',
  'mine.jfrog.io': 'Artifactory',
};

test('hosts are known by their names, and others are taken as they come', () => {
  for (const [host, name] of Object.entries(HOSTS)) {
    const profile = REGISTRY_PROFILES.find((one) => one === profileOf(host));
    assert.equal(profile?.name, name, host);
  }
  for (const host of [
    'registry.lab:5000',
    'notghcr.io',
    'ghcr.io.example',
    'quay.io.evil.example',
  ]) {
    assert.deepEqual(profileOf(host), { mounts: true, chunks: true }, host);
  }
});
