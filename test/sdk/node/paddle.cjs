'use strict'
const { Paddle, LogLevel } = require('@paddle/paddle-node-sdk')
const serve = require('./lines.cjs')

const paddle = new Paddle('pdl_sdbx_unused', { logLevel: LogLevel.none })

serve({
  // The event, or a refusal of the signature. The tolerance is five seconds.
  read: async q => {
    if (!await paddle.webhooks.isSignatureValid(q.body, q.secret, q.header)) throw new Error('signature')
    const e = await paddle.webhooks.unmarshal(q.body, q.secret, q.header)
    return { id: e.eventId, type: e.eventType }
  }
})
