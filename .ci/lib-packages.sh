#!/usr/bin/env bash
# Installs what the interop tests and benchmarks use from Debian, and nothing that is there already.
# No service is started: the tests start their own, on free ports.
set -euo pipefail

# program:package
wanted=(
  docker-registry:docker-registry skopeo:skopeo umoci:umoci buildah:buildah
  dockerd:docker.io docker:docker.io runc:runc busybox:busybox-static nginx:nginx-light mksquashfs:squashfs-tools
  unsquashfs:squashfs-tools tar2sqfs:squashfs-tools-ng squashfuse:squashfuse fusermount3:fuse3
  chromium:chromium siftool:siftool ch-run:charliecloud-runtime getfattr:attr
  hyperfine:hyperfine time:time jq:jq htpasswd:apache2-utils openssl:openssl git:git
)

missing=()
for entry in "${wanted[@]}"; do
  if ! PATH="$PATH:/usr/sbin:/sbin" type -P "${entry%%:*}" >/dev/null; then
    missing+=("${entry##*:}")
  fi
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo 'all there'
  exit 0
fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
echo "missing: ${missing[*]}"

root=()
if [ "$(id -u)" -ne 0 ]; then
  root=(sudo --non-interactive)
fi

# Debian starts a service as soon as its package is there, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -q
"${root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
