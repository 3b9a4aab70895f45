-- The health of all of Kassa's kinds for Argo CD, which hands over the object as obj.
local function conditions()
  local found = {}
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, c in ipairs(obj.status.conditions) do
      found[c.type] = c
    end
  end
  return found
end

local function health(status, message)
  return {status = status, message = message or ""}
end

-- What waits in the inbox is at work; what was given up needs somebody.
if obj.kind == "WebhookEvent" then
  if obj.status ~= nil and obj.status.phase == "Dead" then
    return health("Degraded", "The event was given up: see status.sinks")
  end
  return health("Healthy")
end
if obj.kind == "EventLedger" then
  return health("Healthy")
end

local is = conditions()
local ready, stalled = is["Ready"], is["Stalled"]
if ready == nil then
  return health("Progressing", "Waiting for Kassa")
end
-- What is said of an older spec says nothing of this one.
if ready.observedGeneration ~= nil and obj.metadata.generation ~= nil
  and ready.observedGeneration < obj.metadata.generation then
  return health("Progressing", "Waiting for Kassa to see the change")
end
if stalled ~= nil and stalled.status == "True" then
  if stalled.reason == "Suspended" then
    return health("Suspended", stalled.message)
  end
  return health("Degraded", stalled.message)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.message)
