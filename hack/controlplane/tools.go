//go:build tools

// Package controlplane pins the Kubernetes control plane that tests and the demo run on. It is a
// module of its own so that none of its dependencies reaches the product's go.mod.
package controlplane

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
