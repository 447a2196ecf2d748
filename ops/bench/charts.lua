-- Requests of one kind for many patients, in turn, for wrk.
-- Environment: KEYS (a file with one patient key a line), TEMPLATE (path with %s for the key), TOKEN (bearer token).
-- Not for: correctness; it only counts answers that are not 200.

local keys = {}
for line in io.lines(os.getenv("KEYS")) do keys[#keys + 1] = line end
local template = os.getenv("TEMPLATE")
local next_key = 0

function setup(thread)
  thread:set("seed", 0)
end

function init()
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
end

function request()
  next_key = next_key % #keys + 1
  return wrk.format("GET", string.format(template, keys[next_key]))
end

function done(summary, latency)
  io.write(string.format("p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, %.0f requests/s, errors %d\n",
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
    summary.requests / (summary.duration / 1e6), summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
