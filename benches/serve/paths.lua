-- Sends requests to the paths of a file in turn: METHOD FILE BYTES
--
-- They are formed once, so that what that takes is not taken from the server: of large ones only a few.
local MOST_BYTES = 64 * 1024 * 1024
local requests, turn = {}, 0

function init(args)
    local bytes = tonumber(args[3])
    local body = bytes > 0 and string.rep("x", bytes) or nil
    for path in io.lines(args[2]) do
        if #requests * bytes >= MOST_BYTES then break end
        requests[#requests + 1] = wrk.format(args[1], path, nil, body)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end
