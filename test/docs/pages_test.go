// Package docs checks that what the documentation names is there: pages and their headings, files, make targets, flags,
// fields, metrics, reasons, and manifests that a real API server takes. Its commands are run by test/docs/run and
// test/e2e.
package docs

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/docs/pages"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := controlplane.ModuleRoot()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return dir
}

// all are the pages of the documentation.
func all(t *testing.T) []pages.Page {
	t.Helper()
	read, err := pages.Read(root(t))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return read
}
