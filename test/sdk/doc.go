// Package sdk lets the providers' official libraries for JavaScript judge what Kassa and its sandbox do: they sign and
// verify webhooks, and make the requests that Kassa makes. LemonSqueezy publishes no description of its API, so the
// compiler of TypeScript judges what the sandbox answers for it, by the types that its library declares. All come from
// npm, in the versions of node/package-lock.json, into ${XDG_CACHE_HOME:-~/.cache}/kassa/sdk, and need Node.js. Where
// that is missing the tests are skipped, unless CI or KASSA_REQUIRE_PEERS=1 is set: then they fail.
package sdk
