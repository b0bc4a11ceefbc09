-- Requests at a pace that leaves the server time: each connection waits between two of them, never quite as long.
-- PACE_MS is the mean wait; REPORT the script that reports.
local mean = tonumber(os.getenv('PACE_MS'))
math.randomseed(os.time())

function delay()
  return math.random(math.floor(mean / 2), math.ceil(mean * 3 / 2))
end

dofile(os.getenv('REPORT'))
