#!/usr/bin/env bash
# What the durable entry costs a chart read: the same archive served twice, once with its access log on this disk and once
# with the log on a RAM disk, asked in turns for the same charts.
#
# Usage: ops/bench/entry.sh ARCHIVE QUERIES.json [SECONDS] [ROUNDS]     needs wrk, python3, /dev/shm and a release build
# Not for: pass or fail. Both copies of the archive are removed at the end; traffic goes to 127.0.0.1 only.
set -euo pipefail
archive=$1 queries=$2 seconds=${3:-5} rounds=${4:-3}
bin=${CHARTKEEP_BIN:-target/release/chartkeep}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "$(dirname "$archive")/entry-bench.XXXXXX")
memory=$(mktemp -d /dev/shm/entry-bench.XXXXXX)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work" "$memory"' EXIT
# Accessions are linked, never copied: both servers read the same bytes.
for name in disk ram; do
  mkdir "$work/$name"
  cp -al "$archive"/. "$work/$name"/
  cp -a "$archive.keys" "$work/$name.keys"
  # What is linked must not be written through.
  rm -rf "$work/$name/chartkeep.toml" "$work/$name/audit" "$work/$name/statements" "$work/$name"/register.db* "$work/$name"/oversight.db*
  printf '[http]\nrequests_per_second = 1000000\nrequests_burst = 1000000\n' >"$work/$name/chartkeep.toml"
  cp -a "$archive/statements" "$work/$name/statements" 2>/dev/null || true
done
mkdir "$work/disk/audit"
ln -s "$memory" "$work/ram/audit"
python3 -c "import json,sys; print('\n'.join(json.load(open(sys.argv[1]))['charts'][:500]))" "$queries" >"$work/keys"
export KEYS=$work/keys TEMPLATE=/api/v1/patients/%s/chart TOKEN
declare -A address tokens
for name in disk ram; do
  tokens[$name]=$("$bin" token "$work/$name" --user bench --role him --ttl 1h)
  "$bin" serve "$work/$name" --listen 127.0.0.1:0 >"$work/$name.log" 2>"$work/$name.err" &
  servers+=($!)
  for _ in $(seq 200); do grep -q 'ready at' "$work/$name.log" && break; sleep 0.02; done
  address[$name]=$(sed -n 's/.*ready at //p' "$work/$name.log")
done
for round in $(seq "$rounds"); do
  for clients in 1 8; do
    for name in disk ram; do
      TOKEN=${tokens[$name]}
      printf 'round %s, log on %-4s, %s client(s): ' "$round" "$name" "$clients"
      wrk -t1 -c"$clients" -d"${seconds}s" -s "$here/charts.lua" "${address[$name]}" | grep p50
    done
  done
done
