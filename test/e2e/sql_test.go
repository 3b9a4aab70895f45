package e2e

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/docs/pages"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// here is the address at which pods of hack/cluster reach the test.
const here = "10.88.0.1"

// recordsInSQL follows the page of SQL with a database beside the cluster, in the place of the reader's receiver.
func (d *desk) recordsInSQL() {
	d.t.Helper()
	database := d.database()
	if database == "" {
		return
	}
	p := d.open("docs/sql.md")
	p.Type("kubectl -n shop create secret generic kassa-db",
		"postgres://kassa:…@db.example.com:5432/billing?sslmode=verify-full", database)
	d.do("kubectl -n shop delete webhookreceiver stripe")
	// Those of the one before still take what reaches them, and record nothing.
	d.says("kubectl -n shop get pods -o name -l app.kubernetes.io/name=kassa-receiver | wc -l", `^0\n`)
	d.apply(d.manifest("docs/sql.md", "WebhookReceiver"))
	d.do("kubectl -n shop wait --for=condition=Ready webhookreceiver/stripe --timeout=3m")
	secret, err := d.signingSecret(d.t.Context())
	d.Expect(err).NotTo(HaveOccurred())
	body := stack.Event("evt_recorded")
	d.mustPost("http://stripe-receiver.shop.svc/stripe", http.Header{
		"Stripe-Signature": {stripe.Sign(secret, time.Now(), body)}, "X-Forwarded-Proto": {"https"},
	}, string(body))
	d.Expect(p.Type("kubectl -n shop exec deploy/stripe-receiver -- /kassa replay", "evt_1", "evt_recorded")).To(
		ContainSubstring("replayed: 0 deliveries"), "it waits for no sink")
	d.Expect(p.Type("kubectl -n shop exec deploy/stripe-receiver -- /kassa erase")).To(
		MatchRegexp(`would erase: 1 customers, 1 subscriptions, \d deliveries, \d payloads`))
}

// database is the URL of an empty one for pods, or nothing where they do not reach this machine.
func (d *desk) database() string {
	d.t.Helper()
	if os.Getenv("CLUSTER") == "" {
		d.sayf("pages: docs/sql.md is left out, as pods of this cluster may not reach a database beside the test")
		return ""
	}
	// PostgreSQL, which reads it, is another user.
	hba := filepath.Join(os.Getenv("E2E_WORK"), "pg_hba.conf")
	d.Expect(os.WriteFile(hba, []byte("host all all all trust\n"), 0o644)).To(Succeed())
	d.Expect(os.Chmod(filepath.Dir(hba), 0o755)).To(Succeed())
	server, err := postgres.Start(context.WithoutCancel(d.t.Context()), postgres.Options{
		NoFsync: true, Settings: map[string]string{"listen_addresses": "*", "hba_file": hba},
	})
	if errors.Is(err, postgres.ErrMissing) && os.Getenv("KASSA_REQUIRE_PEERS") == "" {
		d.sayf("pages: docs/sql.md is left out: %v", err)
		return ""
	}
	d.Expect(err).NotTo(HaveOccurred())
	d.t.Cleanup(func() { _ = server.Stop() })
	return strings.Replace(server.Database(d.t), "127.0.0.1", here, 1)
}

// manifest is the page's first of a kind.
func (d *desk) manifest(path, kind string) string {
	d.t.Helper()
	read, err := pages.Read(d.root)
	d.Expect(err).NotTo(HaveOccurred())
	for _, page := range read {
		for _, b := range page.Blocks {
			if page.Path == path && b.Language == "yaml" && strings.Contains(b.Text, "\nkind: "+kind+"\n") {
				return b.Text
			}
		}
	}
	d.t.Fatalf("%s has no %s", path, kind)
	return ""
}
