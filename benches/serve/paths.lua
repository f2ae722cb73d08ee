-- Sends requests to the paths of a file in turn: METHOD FILE BYTES
local method, paths, turn, body = nil, {}, 0, nil

function init(args)
    method = args[1]
    for line in io.lines(args[2]) do paths[#paths + 1] = line end
    local bytes = tonumber(args[3])
    if bytes > 0 then body = string.rep("x", bytes) end
end

function request()
    turn = turn % #paths + 1
    return wrk.format(method, paths[turn], nil, body)
end
