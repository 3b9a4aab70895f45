package store_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/postgres"
)

// tlsQuery asks whether this connection is encrypted, and whose certificate the server was shown.
const tlsQuery = "SELECT ssl, COALESCE(client_serial::text, 'nobody') FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

// The server is believed if the authority says so, and nobody else is; another authority counts at once.
func TestAuthority(t *testing.T) {
	g := NewWithT(t)
	right, wrong := authority.New(t), authority.New(t)
	s := postgres.New(t, postgres.Options{
		NoFsync: true, Certificate: right.Issue(postgres.Host, 1), ClientCA: right.PEM,
	})
	url := s.Database(t)
	prepare := func(d *store.DB) error { return d.Prepare(t.Context(), slog.New(slog.DiscardHandler)) }
	for _, mode := range []string{"verify-full", "verify-ca"} {
		db := &store.DB{}
		t.Cleanup(db.Close)
		address := store.Address{DSN: postgres.Over(url, mode), CA: string(wrong.PEM)}
		g.Expect(db.Set(address)).To(Succeed())
		err := prepare(db)
		g.Expect(err).To(HaveOccurred())
		g.Expect(store.Brief(err)).To(Equal("the database's certificate is of an authority that is not trusted: " +
			"spec.store.postgres.caSecretRef names the right one's"))

		address.CA = string(right.PEM)
		g.Expect(db.Set(address)).To(Succeed())
		g.Expect(prepare(db)).To(Succeed())
		g.Expect(over(t, db)).To(Equal("true nobody"))

		client := right.Issue("kassa", 42)
		address.Certificate, address.Key = string(client[corev1.TLSCertKey]), string(client[corev1.TLSPrivateKeyKey])
		g.Expect(db.Set(address)).To(Succeed())
		g.Expect(over(t, db)).To(Equal("true 42"))
	}

	// Without an authority of its own a server has to have one of the public ones.
	db := &store.DB{}
	t.Cleanup(db.Close)
	g.Expect(db.Set(store.Address{DSN: postgres.Over(url, "verify-full")})).To(Succeed())
	g.Expect(store.Brief(prepare(db))).To(ContainSubstring("not trusted"))

	// The authority vouches for another host.
	s.Show(t, right.Issue("elsewhere", 2))
	for mode, words := range map[string]string{
		"verify-ca": "", "verify-full": "the database's certificate is for another host than the connection string's",
	} {
		db := &store.DB{}
		t.Cleanup(db.Close)
		g.Expect(db.Set(store.Address{DSN: postgres.Over(url, mode), CA: string(right.PEM)})).To(Succeed())
		told := func() string {
			if err := prepare(db); err != nil {
				return store.Brief(err)
			}
			return ""
		}
		g.Eventually(told, patience, often).Should(Equal(words), mode)
	}
}

func over(t *testing.T, db *store.DB) string {
	t.Helper()
	g := NewWithT(t)
	pool, err := db.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	var encrypted, client string
	g.Expect(pool.QueryRow(t.Context(), "SELECT ssl::text, whose FROM ("+tlsQuery+") AS t (ssl, whose)").
		Scan(&encrypted, &client)).To(Succeed())
	return encrypted + " " + client
}

// What is of no use is refused, and what was good before stays. Nothing of an address is repeated.
func TestRefusedAddress(t *testing.T) {
	g := NewWithT(t)
	a := authority.New(t)
	client := a.Issue("kassa", 1)
	certificate, key := string(client[corev1.TLSCertKey]), string(client[corev1.TLSPrivateKeyKey])
	const at = "postgres://kassa:hunter2@db.example.com/billing?sslmode="
	db := &store.DB{}
	t.Cleanup(db.Close)
	g.Expect(db.Set(store.Address{DSN: at + "verify-full", CA: string(a.PEM)})).To(Succeed())
	before, err := db.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	for _, c := range []struct {
		reason, want string
		address      store.Address
	}{
		{"no PEM", "the database's authority has no certificates in PEM", store.Address{DSN: at + "verify-full", CA: "x"}},
		{"a key", "the database's authority has a block that is no certificate",
			store.Address{DSN: at + "verify-full", CA: key}},
		{"nothing is checked", "of use only with sslmode=verify-full", store.Address{DSN: at + "require", CA: certificate}},
		{"perhaps unencrypted", "of use only with sslmode=verify-full", store.Address{DSN: at + "prefer", CA: certificate}},
		{"unencrypted", "of use only with sslmode=verify-full", store.Address{DSN: at + "disable", CA: certificate}},
		{"half a pair", "not a pair in PEM", store.Address{DSN: at + "require", Certificate: certificate}},
		{"shown to nobody", "a client certificate is of use only with",
			store.Address{DSN: at + "prefer", Certificate: certificate, Key: key}},
	} {
		err := db.Set(c.address)
		g.Expect(err).To(MatchError(And(ContainSubstring(c.want), Not(ContainSubstring("hunter2")),
			Not(ContainSubstring("example")), Not(ContainSubstring("BEGIN")))), c.reason)
		_, judged := store.Judge(c.address)
		g.Expect(judged).To(MatchError(err.Error()), c.reason)
	}
	after, err := db.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(BeIdenticalTo(before))
}

// The log is told once of a connection that may end up unencrypted.
func TestDoubtfulAddress(t *testing.T) {
	const at = "postgres://kassa:hunter2@db.example.com/billing"
	for suffix, doubtful := range map[string]bool{
		"": true, "?sslmode=prefer": true, "?sslmode=allow": true, "?sslmode=disable": false, "?sslmode=require": false,
		"?sslmode=verify-full": false,
	} {
		g := NewWithT(t)
		var log bytes.Buffer
		db := &store.DB{Log: slog.New(slog.NewTextHandler(&log, nil))}
		t.Cleanup(db.Close)
		for range 2 {
			g.Expect(db.Set(store.Address{DSN: at + suffix})).To(Succeed())
		}
		doubt, err := store.Judge(store.Address{DSN: at + suffix})
		g.Expect(err).NotTo(HaveOccurred())
		if !doubtful {
			g.Expect(doubt+log.String()).To(BeEmpty(), suffix)
			continue
		}
		g.Expect(bytes.Count(log.Bytes(), []byte("set sslmode=verify-full"))).To(Equal(1), suffix)
		g.Expect(log.String()).NotTo(Or(ContainSubstring("hunter2"), ContainSubstring("example.com")))
		g.Expect(doubt).To(ContainSubstring("may end up unencrypted"), suffix)
	}
}

// Who judges reads no file that somebody else's connection string names.
func TestJudgeReadsNoFiles(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "ca.crt")
	g.Expect(os.WriteFile(file, authority.New(t).PEM, 0o600)).To(Succeed())
	doubt, err := store.Judge(store.Address{DSN: "postgres://db.example.com/billing?sslrootcert=" + file})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(doubt).To(BeEmpty())
}
