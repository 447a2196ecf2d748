#!/usr/bin/env bash
# HTTP benchmarks over loopback, authenticated and audited durably: charts and $everything, one client and eight.
#
# Usage: ops/bench/http.sh ARCHIVE QUERIES.json [SECONDS]     needs wrk, python3 and a release build
# Not for: pass or fail. Traffic goes to 127.0.0.1 only and ends by itself.
set -euo pipefail
archive=$1 queries=$2 seconds=${3:-5}
bin=${CHARTKEEP_BIN:-target/release/chartkeep}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
log=$work/serve.log
"$bin" serve "$archive" --listen 127.0.0.1:0 >"$log" 2>"$work/serve.err" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 200); do grep -q 'ready at' "$log" && break; sleep 0.02; done
address=$(sed -n 's/.*ready at //p' "$log")
export KEYS=$work/keys TOKEN
TOKEN=$("$bin" token "$archive" --user bench --role him --ttl 1h)
python3 -c "import json,sys; print('\n'.join(json.load(open(sys.argv[1]))['charts'][:500]))" "$queries" >"$KEYS"
measure() {
  printf '%-44s ' "$1"
  TEMPLATE=$2 wrk -t1 -c"$3" -d"${seconds}s" --latency -s "$here/charts.lua" "$address" | tail -1
}
measure 'warm-up' '/api/v1/patients/%s/chart' 8 >/dev/null
measure 'chart as stored, 1 client' '/api/v1/patients/%s/chart' 1
measure 'chart as stored, 8 clients' '/api/v1/patients/%s/chart' 8
measure '$everything, 1 client' '/fhir/Patient/%s/$everything' 1
measure '$everything, 8 clients' '/fhir/Patient/%s/$everything' 8
measure 'one code series, 1 client' '/api/v1/patients/%s/series?code=4548-4' 1
measure 'summary page data (chart index), 1 client' '/api/v1/patients/%s' 1
printf 'memory of the server (PSS): '
awk '/^Pss:/ {s += $2} END {printf "%.0f MB\n", s / 1024}' "/proc/$server/smaps_rollup"
