-- Requests of the file named by LOAD_PATHS, in turn; one line of JSON at the end.
local paths = {}
for line in io.lines(os.getenv("LOAD_PATHS")) do
    paths[#paths + 1] = line
end
local at = 0

function request()
    at = at % #paths + 1
    return wrk.format("GET", paths[at])
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %f, "p50": %f, "p95": %f, "p99": %f, '
            .. '"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}\n',
        summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e6, latency:percentile(95) / 1e6, latency:percentile(99) / 1e6,
        errors.status, errors.connect, errors.read, errors.write, errors.timeout
    ))
end
