package postgres

import (
	"context"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
)

// Host is the name that a certificate of the server has to have.
const Host = "localhost"

// Over is a database's URL with the server's name in place of its address, and TLS as sslmode says.
func Over(databaseURL, sslmode string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		panic(err)
	}
	u.Host, u.RawQuery = Host+":"+u.Port(), ""
	if sslmode != "" {
		u.RawQuery = "sslmode=" + sslmode
	}
	return u.String()
}

// Show has new connections shown another certificate, as authority.Issue makes them.
func (s *Server) Show(tb testing.TB, certificate map[string][]byte) {
	tb.Helper()
	s.options.Certificate = certificate
	if err := s.writeCertificates(); err != nil {
		tb.Fatal(err)
	}
	conn, err := pgx.Connect(tb.Context(), s.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(tb.Context())) }()
	if _, err := conn.Exec(tb.Context(), "SELECT pg_reload_conf()"); err != nil {
		tb.Fatal(err)
	}
}

// certificateSettings have the server speak TLS if it has a certificate.
func (s *Server) certificateSettings(settings map[string]string) {
	if s.options.Certificate == nil {
		return
	}
	settings["ssl"] = "on"
	settings["ssl_cert_file"], settings["ssl_key_file"] = s.file(corev1.TLSCertKey), s.file(corev1.TLSPrivateKeyKey)
	if s.options.ClientCA != nil {
		settings["ssl_ca_file"] = s.file("clients.crt")
	}
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) writeCertificates() error {
	files := map[string][]byte{"clients.crt": s.options.ClientCA}
	for name, data := range s.options.Certificate {
		files[name] = data
	}
	for name, data := range files {
		if err := os.WriteFile(s.file(name), data, 0o600); err != nil {
			return err
		}
		if err := giveAway(s.file(name)); err != nil {
			return err
		}
	}
	return nil
}

// giveAway gives a file to the user that the server runs as: PostgreSQL refuses to run as root.
func giveAway(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(systemUser)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
