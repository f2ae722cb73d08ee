-- Asks for objects of a folder at random: PREFIX COUNT
local prefix, count

function init(args)
    prefix, count = args[1], tonumber(args[2])
    math.randomseed(7)
end

function request()
    local number = math.random(0, count - 1)
    return wrk.format("GET", string.format("%s/many/%02x/%d", prefix, number % 256, number))
end
