#!/usr/bin/env bash
# Builds buildx and buildkitd with the Go on this machine, for the interop tests of the builder
# buildx: Debian has neither. They go to a folder under the temporary one, where the tests look.
# Takes some minutes; the versions are those that were tried.
set -euo pipefail

target=${1:-${TMPDIR:-/tmp}/longshore-buildkit}
mkdir -p "$target"
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export CGO_ENABLED=0
# A module of our own: `go install PACKAGE@VERSION` refuses modules that replace others.
go mod init tools
go get -tool github.com/docker/buildx/cmd/buildx@v0.38.2 github.com/moby/buildkit/cmd/buildkitd@v0.34.2
go build -trimpath -ldflags '-s -w' -o "$target/" \
  github.com/docker/buildx/cmd/buildx github.com/moby/buildkit/cmd/buildkitd
printf 'buildx and buildkitd are in %s\n' "$target"
