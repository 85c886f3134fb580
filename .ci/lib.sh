# shellcheck shell=bash
# Steps of .ci/run: a headline, a time limit, a verdict; and what is left behind.

results=()
failed=0
started_at=$SECONDS

# check LIMIT_SECONDS NAME COMMAND...: runs a step, remembers how it ended, goes on.
check() {
  local limit=$1 name=$2 began=$SECONDS status=0
  shift 2
  printf '\n=== %s ===\n' "$name"
  if [ "$(type -t "$1")" = function ]; then
    "$@" </dev/null || status=$?
  else
    timeout --kill-after=20 "$limit" "$@" </dev/null || status=$?
  fi
  local seconds=$((SECONDS - began))
  if [ "$status" -eq 0 ]; then
    results+=("ok      ${seconds} s  ${name}")
    printf -- '--- %s: ok, %d s\n' "$name" "$seconds"
    return 0
  fi
  local why="exit $status"
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    why="stopped after $limit s"
  fi
  results+=("FAILED  ${seconds} s  ${name} (${why})")
  printf -- '--- %s: FAILED, %s, %d s\n' "$name" "$why" "$seconds"
  failed=1
}

# must: like check, but nothing after it can work without it.
must() {
  check "$@"
  if [ "$failed" -ne 0 ]; then
    exit 1
  fi
}

# Fails when a step has left processes, and ends exactly those: they carry this run's mark.
leftovers() {
  local environment pid left=0
  for environment in $(grep -lzxsF "LONGSHORE_CI_MARK=$LONGSHORE_CI_MARK" /proc/[0-9]*/environ); do
    pid=${environment#/proc/}
    pid=${pid%/environ}
    # The search carries the mark as well, and is gone by now.
    if [ -d "/proc/$pid" ]; then
      left=1
      printf 'still running: %s %s\n' "$pid" "$(ps -o args= -p "$pid" || true)"
      kill "$pid" 2>/dev/null || true
    fi
  done
  return "$left"
}

finish() {
  local status=$?
  trap - EXIT
  leftovers >/dev/null 2>&1 || true
  printf '\n=== %d s in all ===\n' "$((SECONDS - started_at))"
  printf '%s\n' "${results[@]}"
  if [ "$status" -ne 0 ] || [ "$failed" -ne 0 ]; then
    printf '%s\n' "${results[@]}" | grep '^FAILED' || printf 'FAILED  .ci/run itself\n'
    exit 1
  fi
}
