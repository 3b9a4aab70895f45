package kubectl

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
)

// Where says in which namespace nothing was found: whoever forgot to name it is told so.
func Where(namespace string, all bool) string {
	if all {
		return ""
	}
	return fmt.Sprintf(" in namespace %q; -n names another one, -A takes all", namespace)
}

// Explained is an error with what a newcomer could not know: kinds that a cluster has not come with the chart.
func Explained(err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("%w; Kassa is not installed in this cluster, or --context is another one", err)
	}
	return err
}
