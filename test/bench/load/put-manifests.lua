-- With every request a manifest of its own, under a tag of its own below the URL.
-- MANIFEST names a file with a manifest, in which ten zeros stand for a number; REPORT the script that reports.
local file = assert(io.open(os.getenv('MANIFEST')))
local manifest = file:read('*a')
file:close()
local number = os.time() % 1000000 * 10000

request = function()
  number = number + 1
  local digits = string.format('%010d', number)
  return wrk.format('PUT', wrk.path .. digits, nil, (manifest:gsub('0000000000', digits)))
end

dofile(os.getenv('REPORT'))
