// Package browser buys in Chromium at a deployed checkout server, as a visitor and as a user of an application do, with
// every test card of the sandbox. Chromium is Debian's package, or whatever of that family is in the path. Where it is
// missing the tests are skipped, unless KASSA_REQUIRE_BROWSER=1 is set: then they fail.
//
// axe-core judges each page that a picture is taken of. It comes from npm, in the version of node/package-lock.json,
// into ${XDG_CACHE_HOME:-~/.cache}/kassa/browser. Without npm nobody judges, unless CI or KASSA_REQUIRE_PEERS=1 is set:
// then the tests fail. With go test -artifacts the pictures are kept.
package browser
