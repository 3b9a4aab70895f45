// Package kubectl is what the commands of the plugin kubectl-kassa have in common: how the cluster is found, how a
// Service in it is reached, how results are printed, and what the exit code says.
package kubectl

import (
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Options are those of every command.
type Options struct {
	Streams genericiooptions.IOStreams
	// Cluster are kubectl's own flags: --kubeconfig, --context, --namespace and so on.
	Cluster *genericclioptions.ConfigFlags
	// Registry has the adapters of this build.
	Registry provider.Registry
}

// NewOptions of a plugin that reads and writes these streams.
func NewOptions(streams genericiooptions.IOStreams, registry provider.Registry) *Options {
	return &Options{Streams: streams, Cluster: genericclioptions.NewConfigFlags(true), Registry: registry}
}

// AddFlags adds kubectl's own.
func (o *Options) AddFlags(f *pflag.FlagSet) { o.Cluster.AddFlags(f) }

// Config is how the API server is reached.
func (o *Options) Config() (*rest.Config, error) {
	cfg, err := o.Cluster.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	cfg.QPS, cfg.Burst = 50, 100
	return cfg, nil
}

// Client talks to the API server. It caches nothing.
func (o *Options) Client() (client.WithWatch, error) {
	cfg, err := o.Config()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(cfg, client.Options{Scheme: Scheme()})
}

// Namespace is the one of --namespace, or else the context's.
func (o *Options) Namespace() (string, error) {
	namespace, _, err := o.Cluster.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// Scheme has Kassa's kinds and those of Kubernetes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // two kinds of one name: a build that never worked
		}
	}
	return scheme
}

// Warnf prints a sentence to the error stream, which is never part of a result.
func (o *Options) Warnf(format string, args ...any) {
	_, _ = fmt.Fprintln(o.Streams.ErrOut, Shown(fmt.Sprintf(format, args...)))
}
