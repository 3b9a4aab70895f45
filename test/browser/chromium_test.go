package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"
)

// visitTime bounds everything that a test does in a browser.
const visitTime = 5 * time.Minute

// chromium is the path of the browser. Without one the test is skipped, or fails with KASSA_REQUIRE_BROWSER=1.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("KASSA_REQUIRE_BROWSER") == "1" {
		t.Fatal("Chromium is required here, and is not in the path")
	}
	t.Skip("Chromium is not in the path, so no page was opened in a browser")
	return ""
}

// tab is one page of a browser that nobody used before.
type tab struct {
	g        *WithT
	ctx      context.Context //nolint:containedctx // the tab is its context
	pictures string
	axe      string

	mu      sync.Mutex
	trouble []string
}

// open starts a browser that reaches Services through the proxy, and this machine's addresses without it.
func open(t *testing.T, path, proxy string) *tab {
	t.Helper()
	home := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.ProxyServer(proxy),
		// Where tests run as root there is no sandbox. There may be no home either, and little shared memory.
		chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home),
		chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
		// The Services have no https, and their pages load Paddle's script from this machine.
		chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LocalNetworkAccessChecks"),
	)
	ctx, cancel := context.WithTimeout(t.Context(), visitTime)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	b := &tab{g: NewWithT(t), ctx: ctx, pictures: t.ArtifactDir(), axe: judge(t)}
	b.g.Expect(chromedp.Listen(ctx, b.notice)).To(Succeed())
	_, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	b.g.Expect(err).NotTo(HaveOccurred())
	return b
}

// notice remembers what a developer would see in red.
func (b *tab) notice(event any) {
	var what string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		what = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeWarning {
			return
		}
		what = fmt.Sprintf("console: %v", e.Args)
	case *runtime.EventExceptionThrown:
		what = "exception: " + e.ExceptionDetails.Text
	case *audits.EventIssueAdded:
		if e.Issue.Details.ContentSecurityPolicyIssueDetails == nil {
			return
		}
		what = fmt.Sprintf("policy: %+v", *e.Issue.Details.ContentSecurityPolicyIssueDetails)
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = append(b.trouble, what)
}

// takeTrouble is what went wrong since it was asked last.
func (b *tab) takeTrouble() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.trouble
	b.trouble = nil
	return out
}

// step is an action without an answer.
type step = chromedp.Action[chromedp.Void]

func ask[T any](b *tab, question chromedp.Action[T]) T {
	b.g.THelper()
	answer, err := chromedp.Run(b.ctx, question)
	b.g.Expect(err).NotTo(HaveOccurred())
	return answer
}

func (b *tab) do(actions ...step) {
	b.g.THelper()
	b.g.Expect(chromedp.Do(b.ctx, actions...)).To(Succeed())
}

// follow does what leads to another page, and waits for that.
func (b *tab) follow(status int64, actions ...step) {
	b.g.THelper()
	response, err := chromedp.RunResponse(b.ctx, actions...)
	b.g.Expect(err).NotTo(HaveOccurred())
	b.g.Expect(response.Status).To(Equal(status), response.URL)
}

func (b *tab) visit(url string) {
	b.g.THelper()
	b.follow(http.StatusOK, chromedp.Navigate(url))
}

func (b *tab) address() string { return ask(b, chromedp.Location()) }

func (b *tab) text(selector string) string { return ask(b, chromedp.Text(chromedp.CSS(selector))) }

// fill types text into fields, each given by a selector, in place of what is there.
func (b *tab) fill(fields ...[2]string) {
	b.g.THelper()
	var steps []step
	for _, f := range fields {
		field := chromedp.CSS(f[0])
		steps = append(steps, chromedp.Clear(field), chromedp.SendKeys(field, f[1]))
	}
	b.do(steps...)
}

// picture keeps the page in light, dark, and on a telephone. Nothing may stick out, and everybody can use it.
func (b *tab) picture(name string) {
	b.g.THelper()
	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{
		{"light", "light", 1280, 900},
		{"dark", "dark", 1280, 900},
		{"narrow", "light", 390, 844},
	} {
		b.do(chromedp.EmulateViewport(look.width, look.height))
		b.prefer(look.scheme)
		b.g.Expect(ask(b, chromedp.Evaluate[int]("document.documentElement.scrollWidth - window.innerWidth"))).
			To(BeNumerically("<=", 0), "%s is too wide: %s", name, look.name)
		b.accessible(name + " (" + look.name + ")")
		file := filepath.Join(b.pictures, name+"-"+look.name+".png")
		b.g.Expect(os.WriteFile(file, ask(b, chromedp.FullScreenshot(100)), 0o600)).To(Succeed())
	}
	b.do(chromedp.EmulateViewport(1280, 900))
}

// prefer says which colour scheme the buyer likes.
func (b *tab) prefer(scheme string) {
	b.g.THelper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	b.g.Expect(err).NotTo(HaveOccurred())
}
