-- For wrk: send prepared requests from files, each of them once, or repeatedly.
--
-- wrk -t 2 ... -s prepared.lua http://127.0.0.1:8003 -- PREFIX EXPECTED [again]
--
-- Thread 1 reads PREFIX.1, thread 2 reads PREFIX.2. Each request is its length in eight digits and
-- then its bytes, headers and body. Every answer must have status 200 and hold the text EXPECTED.
-- A thread stops at the end of its file and reports it. The last line of the output is JSON.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
   thread:set("number", #threads)
end

function init(args)
   file = assert(io.open(args[1] .. "." .. number, "rb"))
   expected = args[2]
   answered, wrong, first_wrong, ended = 0, 0, "", false
   if args[3] == "again" then
      repeated, place = {}, 0
      for raw in next_prepared do
         table.insert(repeated, raw)
      end
   end
end

function next_prepared()
   local length = file:read(8)
   return length and file:read(tonumber(length))
end

function request()
   if repeated then
      place = place % #repeated + 1
      return repeated[place]
   end
   local raw = next_prepared()
   if raw then
      return raw
   end
   ended = true
   wrk.thread:stop()
   return "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
end

function response(status, headers, body)
   answered = answered + 1
   if status ~= 200 or not string.find(body, expected, 1, true) then
      wrong = wrong + 1
      if wrong == 1 then
         first_wrong = status .. " " .. string.sub(body, 1, 200)
      end
   end
end

local function quoted(text)
   return '"' .. string.gsub(text, '[%c"\\]', " ") .. '"'
end

function done(summary, latency, requests)
   local answered, wrong, first_wrong, ended = 0, 0, "", 0
   for _, thread in ipairs(threads) do
      answered = answered + thread:get("answered")
      wrong = wrong + thread:get("wrong")
      if first_wrong == "" then
         first_wrong = thread:get("first_wrong")
      end
      if thread:get("ended") then
         ended = ended + 1
      end
   end
   local errors = summary.errors
   io.write(string.format(
      '{"seconds": %.6f, "answered": %d, "wrong": %d, "first_wrong": %s, "ended": %d, "broken": %d, "p50_s": %.6f, "p99_s": %.6f}\n',
      summary.duration / 1e6, answered, wrong, quoted(first_wrong), ended,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
