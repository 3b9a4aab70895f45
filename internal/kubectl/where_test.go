package kubectl_test

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

func TestWhatANewcomerIsTold(t *testing.T) {
	g := NewWithT(t)
	g.Expect(kubectl.Where("default", false)).To(ContainSubstring(`in namespace "default"; -n names another one`))
	g.Expect(kubectl.Where("", true)).To(BeEmpty())
	lacks := fmt.Errorf("reading the cluster: %w", &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Plan"}})
	g.Expect(kubectl.Explained(lacks)).To(MatchError(HaveSuffix("Kassa is not installed in this cluster, or --context " +
		"is another one")))
	other := errors.New("refused")
	g.Expect(kubectl.Explained(other)).To(BeIdenticalTo(other))
}
