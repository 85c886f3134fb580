import { didYouMean } from '../../../suggest.ts';
import type { MapNode, Report } from '../tree.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const TOP = words('configs include jobs models name networks secrets services version volumes');

/** What compose knows of a service. All but what says how its image is built is none of our business. */
const SERVICE = words(`
  annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs
  container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares
  cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt
  dns_search domainname entrypoint env_file environment expose extends external_links extra_hosts
  gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging
  mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks
  oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_start pre_stop
  privileged profiles provider pull_policy read_only restart runtime scale secrets security_opt
  shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
  use_api_socket user userns_mode uts volumes volumes_from working_dir`);

const BUILD = words(`
  additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements
  extra_hosts isolation labels network no_cache no_cache_filter platforms privileged provenance
  pull sbom secrets shm_size ssh tags target ulimits`);

export const X_BAKE: ReadonlySet<string> = new Set(
  words(`
  cache-from cache-to contexts no-cache no-cache-filter output platforms pull secret ssh tags`),
);

export function checkTopKeys(node: MapNode, report: Report): void {
  check(node, { known: TOP, of: 'a compose file', report });
}

export function checkServiceKeys(node: MapNode, report: Report): void {
  check(node, { known: SERVICE, of: 'a service', report });
}

export function checkBuildKeys(node: MapNode, report: Report): void {
  check(node, { known: BUILD, of: 'build', report });
}

export function checkBakeKeys(node: MapNode, report: Report): void {
  check(node, { known: X_BAKE, of: 'x-bake', report });
}

function check(
  node: MapNode,
  options: { readonly known: Iterable<string>; readonly of: string; readonly report: Report },
): void {
  const { of, report } = options;
  const known = new Set(options.known);
  for (const [key, { place }] of node.entries) {
    if (known.has(key) || (key.startsWith('x-') && of !== 'x-bake')) continue;
    report(place, `${of} has no ${key}${didYouMean(key, known)}`);
  }
}
