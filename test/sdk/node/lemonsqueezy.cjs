'use strict'
const lemon = require('@lemonsqueezy/lemonsqueezy.js')
const serve = require('./lines.cjs')

let sent = null

globalThis.fetch = async (url, init) => {
  const to = new URL(url)
  sent = {
    method: init.method,
    path: to.pathname,
    query: Object.fromEntries(to.searchParams),
    headers: Object.fromEntries(init.headers),
    body: init.body ? JSON.parse(init.body) : null
  }
  return new Response('{}', { status: 200 })
}

// Each answer is the request that was made.
const requests = make => async q => {
  sent = null
  lemon.lemonSqueezySetup({ apiKey: q.key })
  await make(q)
  return sent
}

serve({
  create: requests(q => lemon.createWebhook(q.store, q.webhook)),
  update: requests(q => lemon.updateWebhook(q.id, q.webhook)),
  delete: requests(q => lemon.deleteWebhook(q.id)),
  list: requests(q => lemon.listWebhooks({ filter: { storeId: q.store }, page: q.page }))
})
