-- Reserves turns of a rate limit. The server's clock counts.
local rate, burst, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local pause, recovery, settle = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local min_share, catch_up = tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local state = redis.call('HMGET', KEYS[1], 'tat', 'paused', 'current', 'changed', 'settled')
local tat = tonumber(state[1] or 0)
local paused = tonumber(state[2] or 0)
local current = math.min(rate, tonumber(state[3] or rate))
local changed = tonumber(state[4] or now)
local settled = tonumber(state[5] or 0)

if now > changed then
    current = math.min(rate, current + (now - changed) * rate / recovery)
    changed = now
end
if pause >= 0 then
    paused = math.max(paused, now + pause)
    if now >= settled then
        current = math.max(rate * min_share, current / 2)
    end
    settled = math.max(settled, now + pause + settle)
    changed = math.max(now, paused)
    -- Turns that were reserved before are given up by the processes that hold them.
    tat = paused + burst / current
end
-- A process that reserves again at once loses nothing by the round trip.
if tat < now - catch_up then
    tat = now
end
-- In the past after an idle period: as many turns as a burst allows begin at once.
local start = math.max(tat - (burst - 1) / current, paused)
tat = tat + count / current
redis.call('HSET', KEYS[1], 'tat', string.format('%.17g', tat),
    'paused', string.format('%.17g', paused), 'current', string.format('%.17g', current),
    'changed', string.format('%.17g', changed), 'settled', string.format('%.17g', settled))
redis.call('EXPIRE', KEYS[1], 86400)
return {string.format('%.17g', start - now), string.format('%.17g', current),
    string.format('%.17g', now)}
