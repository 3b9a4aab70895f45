'use strict'
const Stripe = require('stripe')
const serve = require('./lines.cjs')

const stripe = new Stripe('sk_test_unused')

serve({
  // The header of a body that is sent at a time.
  sign: q => stripe.webhooks.generateTestHeaderString({ payload: q.body, secret: q.secret, timestamp: q.at }),
  // The event, or a refusal of the signature.
  read: q => {
    const e = stripe.webhooks.constructEvent(Buffer.from(q.body), q.header, q.secret, q.tolerance)
    return { id: e.id, type: e.type }
  }
})
