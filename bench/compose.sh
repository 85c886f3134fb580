#!/usr/bin/env bash
# Builds Compose 2 and buildx, which Debian 12 lacks, with the Go on this machine, to measure against:
# `source <(bash bench/compose.sh)` puts `docker-compose` 2 and `buildx` on PATH. They come through the Go
# module proxy. Two cores need some twenty minutes.
set -euo pipefail

GOBIN=${GOBIN:-${TMPDIR:-/tmp}/longshore-rivals}
export GOBIN
bash "$(dirname "$0")/buildx.sh"
package=github.com/docker/compose/v2/cmd
version=v2.40.3

if [ ! -x "$GOBIN/docker-compose" ]; then
  folder=$(mktemp -d)
  if ! (
    cd "$folder"
    go mod init compose
    go get "$package@$version"
    go build -trimpath -o "$GOBIN/docker-compose" "$package"
  ) >"$folder/log" 2>&1; then
    printf 'Compose could not be built:\n' >&2
    tail -n 3 "$folder/log" >&2
  fi
  chmod -R u+w "$folder"
  rm -rf "$folder"
fi
