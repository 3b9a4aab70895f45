'use strict'
const lemon = require('@lemonsqueezy/lemonsqueezy.js')
const serve = require('./lines.cjs')

const real = globalThis.fetch
let sent = null
let base = null

globalThis.fetch = async (url, init) => {
  const to = new URL(url)
  if (base !== null) return real(base + to.pathname + to.search, init)
  sent = {
    method: init.method,
    path: to.pathname,
    query: Object.fromEntries(to.searchParams),
    headers: Object.fromEntries(init.headers),
    body: init.body ? JSON.parse(init.body) : null
  }
  return new Response('{}', { status: 200 })
}

// Each answer is the request that was made, or where a question says at which address, what was answered there.
const requests = make => async q => {
  sent = null
  base = q.at ?? null
  lemon.lemonSqueezySetup({ apiKey: q.key })
  const { data, error } = await make(q)
  if (base === null) return sent
  if (error) throw error
  return data
}

serve({
  create: requests(q => lemon.createWebhook(q.store, q.webhook)),
  update: requests(q => lemon.updateWebhook(q.id, q.webhook)),
  delete: requests(q => lemon.deleteWebhook(q.id)),
  list: requests(q => lemon.listWebhooks({ filter: { storeId: q.store }, page: q.page })),
  sell: requests(q => lemon.createCheckout(q.store, q.variant, q.checkout)),
  checkout: requests(q => lemon.getCheckout(q.id)),
  subscriptions: requests(q => lemon.listSubscriptions({
    filter: { storeId: q.store, userEmail: q.email }, page: q.page
  })),
  subscription: requests(q => lemon.getSubscription(q.id)),
  change: requests(q => lemon.updateSubscription(q.id, q.change)),
  resize: requests(q => lemon.updateSubscriptionItem(q.id, q.change)),
  cancel: requests(q => lemon.cancelSubscription(q.id)),
  orders: requests(q => lemon.listOrders({ filter: { storeId: q.store }, page: q.page })),
  invoices: requests(q => lemon.listSubscriptionInvoices({
    filter: { storeId: q.store, subscriptionId: q.id }, page: q.page
  })),
  invoice: requests(q => lemon.getSubscriptionInvoice(q.id))
})
