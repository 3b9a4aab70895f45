package dashboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/drawn"
	"github.com/kassa-dev/kassa/test/npm"
)

const (
	cell, gap, headHeight = 30, 8, 56 // pixels, as page/ has them
	// largest is what a picture may have in bytes.
	largest = 500_000
)

// pictures are what is drawn, each light and dark: the dashboard from one row's title on to that of another.
var pictures = []struct{ name, from, to string }{
	{"dashboard-business", "Business", "Webhooks"}, {"dashboard-webhooks", "Webhooks", "Checkout"},
	{"dashboard-operation", "Checkout", ""},
}

func draw(t *testing.T, got answers, into string) {
	t.Helper()
	g := NewWithT(t)
	modules, err := npm.Install("node", "dashboard")
	g.Expect(err).NotTo(HaveOccurred())
	page := serve(t, modules, got)
	for _, p := range pictures {
		of := between(t, p.from, p.to)
		for _, mode := range []string{"light", "dark"} {
			at := page + "/?" + url.Values{"mode": {mode}, "from": {p.from}, "to": {p.to}}.Encode()
			large := photograph(t, at, of)
			small := command(t, large, "pngquant", "--nofs", "--speed=1", "--strip", "96", "-")
			g.Expect(len(small)).To(BeNumerically("<", largest), p.name)
			file := filepath.Join(into, p.name+"-"+mode+".png")
			g.Expect(os.WriteFile(file, small, 0o644)).To(Succeed())
			t.Logf("%s: %d kB", file, len(small)/1000)
		}
	}
}

// remember writes beside the pictures what they show.
func remember(t *testing.T, got answers, into string) {
	t.Helper()
	shown, err := drawn.Panels(dashboard(t), func(id int) int { return len(got.Panels[id]) })
	must(t, err)
	text, err := json.MarshalIndent(shown, "", "  ")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(into, drawn.File), append(text, '\n'), 0o644))
}

// between are the panels from one row's title on to that of another, or to the end.
func between(t *testing.T, from, to string) []panel {
	t.Helper()
	all := panels(t)
	row := func(title string) int {
		return slices.IndexFunc(all, func(p panel) bool { return p.Type == "row" && p.Title == title })
	}
	if end := row(to); end >= 0 {
		all = all[:end]
	}
	return all[row(from):]
}

// height of panels in pixels, with the head.
func height(of []panel) int {
	bottom := 0
	for _, p := range of {
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
	}
	return headHeight + (bottom-of[0].GridPos.Y)*(cell+gap)
}

// serve has the page, bundled, with the data in it.
func serve(t *testing.T, modules string, got answers) string {
	t.Helper()
	g := NewWithT(t)
	text, err := json.Marshal(map[string]any{
		"dashboard": json.RawMessage(dashboard(t)), "answers": got, "width": pictureWidth,
	})
	g.Expect(err).NotTo(HaveOccurred())
	out := t.TempDir()
	bundle := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", "esbuild"), "page/main.jsx", "--bundle",
		"--minify", "--outdir="+out, `--define:process.env.NODE_ENV="production"`, "--log-level=error",
		"--loader:.svg=text", "--loader:.woff2=dataurl", "--loader:.woff=empty", "--loader:.ttf=empty")
	bundle.Env = append(os.Environ(), "NODE_PATH="+modules)
	said, err := bundle.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(said))
	html := fmt.Sprintf("<!doctype html><meta charset=utf-8><link rel=stylesheet href=/main.css>"+
		"<body><div id=root></div><script>window.picture = %s</script><script src=/main.js></script>", text)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(html)) })
	mux.Handle("GET /", http.FileServer(http.Dir(out)))
	icons := filepath.Join(modules, "@grafana", "ui", "dist", "public", "img")
	mux.Handle("GET /public/build/img/", http.StripPrefix("/public/build/img/", http.FileServer(http.Dir(icons))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// photograph is a page with those panels at twice the resolution, once nothing is loaded any more.
func photograph(t *testing.T, page string, of []panel) []byte {
	t.Helper()
	g, home := NewWithT(t), t.TempDir()
	file := filepath.Join(home, "page.png")
	visit := func(do string) string {
		return string(command(t, nil, "env", "HOME="+home, "chromium", "--headless", "--no-sandbox", "--disable-gpu",
			"--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=2", "--virtual-time-budget=20000",
			"--user-data-dir="+filepath.Join(home, "profile"), fmt.Sprintf("--window-size=%d,%d", pictureWidth, height(of)),
			do, page))
	}
	there := visit("--dump-dom")
	for _, p := range of {
		g.Expect(there).To(ContainSubstring(">" + p.Title + "<"))
	}
	visit("--screenshot=" + file)
	png, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	return png
}

// command runs a program of this machine.
func command(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s, of Debian's package of that name: %v\n%s", name, err, said.String())
	}
	return out.Bytes()
}
