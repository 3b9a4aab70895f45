// Package postgres starts a real PostgreSQL for tests, from Debian's package, in a folder of its own. Where there is
// none the tests are skipped, unless CI or KASSA_REQUIRE_PEERS=1 is set: then they fail.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/test/child"
)

// Options of a Server. The zero value is one that is as durable as it is in production.
type Options struct {
	// NoFsync gives up durability when the machine fails, which no test has happen, for speed.
	NoFsync bool
	// Settings are further ones, as in postgresql.conf.
	Settings map[string]string
	// Certificate of Host and its key, as authority.Issue makes them, let the server speak TLS, too.
	Certificate map[string][]byte
	// ClientCA, in PEM, is of the authority whose certificates clients may show.
	ClientCA []byte
}

// Server is a running PostgreSQL that nobody else uses.
type Server struct {
	dir, bin string
	port     int
	options  Options
	process  *child.Process
	log      *os.File
	names    atomic.Int64
}

const (
	// superuser is trusted on the loopback address, whatever password it gives.
	superuser     = "kassa"
	startPatience = time.Minute
)

// ErrMissing: there is no PostgreSQL on this machine.
var ErrMissing = errors.New("PostgreSQL's server programs are not installed: Debian's package is postgresql")

// Start starts a server with an empty database cluster.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, options: o}
	if s.dir, err = os.MkdirTemp("", "kassa-postgres-"); err != nil {
		return nil, err
	}
	if err = s.create(ctx); err == nil {
		err = s.Run(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// programs is the folder of initdb and postgres. Debian keeps one of each major version, none of them in the path.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

func (s *Server) create(ctx context.Context) error {
	if err := giveAway(s.dir); err != nil {
		return err
	}
	if err := s.writeCertificates(); err != nil {
		return err
	}
	path, args := asUser(filepath.Join(s.bin, "initdb"), "--pgdata="+s.data(), "--username="+superuser,
		"--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// systemUser comes with Debian's package.
const systemUser = "postgres"

// asUser is the command that runs a program as a user who is not root, and ends with this process.
func asUser(program string, args ...string) (string, []string) {
	if os.Geteuid() != 0 {
		return program, args
	}
	return "setpriv", append([]string{
		"--reuid=" + systemUser, "--regid=" + systemUser, "--clear-groups", "--pdeathsig=KILL", program,
	}, args...)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Run starts the server again after Kill, with its data and at its address, and returns once it takes connections.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var err error
	if s.port == 0 {
		if s.port, err = freePort(ctx); err != nil {
			return err
		}
	}
	if s.log == nil {
		if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
			return err
		}
	}
	path, args := asUser(filepath.Join(s.bin, "postgres"), s.arguments()...)
	if path, err = exec.LookPath(path); err != nil {
		return err
	}
	for {
		said, err := s.log.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if s.process, err = child.Start(child.Command{Path: path, Args: args, Dir: s.dir, Output: s.log}); err != nil {
			return err
		}
		if err = s.await(ctx, said); !errors.Is(err, errInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// errInUse: children of a server that was killed hold its memory for a moment, and none starts then.
var errInUse = errors.New("its memory is still in use")

func (s *Server) arguments() []string {
	settings := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(s.port), "unix_socket_directories": "",
		"max_connections": "200", "shared_buffers": "128MB",
	}
	if s.options.NoFsync {
		settings["fsync"], settings["full_page_writes"] = "off", "off"
	}
	s.certificateSettings(settings)
	for name, value := range s.options.Settings {
		settings[name] = value
	}
	args := []string{"-D", s.data()}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// await returns once the server takes connections. What it says begins at this place in the log.
func (s *Server) await(ctx context.Context, said int64) error {
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.Done():
			out, _ := os.ReadFile(s.log.Name())
			if bytes.Contains(out[min(said, int64(len(out))):], []byte("is still in use")) {
				return errInUse
			}
			return fmt.Errorf("PostgreSQL ended: %s", out)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// URL of a database, for the superuser.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(superuser), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Kill ends the server as a crash does. Run starts it again.
func (s *Server) Kill() { s.process.Kill() }

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	if s.process != nil && s.process.Running() {
		_ = s.process.Signal(syscall.SIGINT) // at once, whoever is connected
		select {
		case <-s.process.Done():
		case <-time.After(10 * time.Second):
			s.process.Kill()
		}
	}
	if s.log != nil {
		_ = s.log.Close()
	}
	return os.RemoveAll(s.dir)
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), s.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(tb.Context())) }()
	name := "test_" + strconv.FormatInt(s.names.Add(1), 10)
	if _, err := conn.Exec(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	return s.URL(name)
}

// The server of the package under test.
var shared struct {
	sync.Mutex
	options Options
	server  *Server
	err     error
}

// Main runs a package's tests and ends the program with their result; TestMain calls it. Shared starts the server.
func Main(m *testing.M, o Options) {
	if !flag.Parsed() {
		flag.Parse()
	}
	shared.options = o
	code := m.Run()
	Close()
	os.Exit(code)
}

// Close stops the package's server, for a TestMain that has more to end than this.
func Close() {
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// Shared is the package's server.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Start(context.Background(), shared.options)
	}
	check(tb, shared.err)
	return shared.server
}

// New is a server for one test alone, which may kill it.
func New(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(tb.Context(), o)
	check(tb, err)
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "" && os.Getenv("KASSA_REQUIRE_PEERS") != "1":
		tb.Skip(err)
	default:
		tb.Fatal(strings.TrimSpace(err.Error()))
	}
}

// Suffix tells a database apart from the server's others, for the names of roles, which all databases share.
func (s *Server) Suffix(databaseURL string) string {
	name, _, _ := strings.Cut(databaseURL, "?")
	return name[strings.LastIndexByte(name, '_')+1:]
}
