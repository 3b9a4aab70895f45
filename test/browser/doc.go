// Package browser buys in Chromium at a deployed checkout server, as a visitor does. Chromium is Debian's package, or
// whatever of that family is in the path. Where it is missing the tests are skipped, unless CI or KASSA_REQUIRE_PEERS=1
// is set: then they fail. With go test -artifacts, pictures of the pages are kept.
package browser
