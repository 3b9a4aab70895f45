package kube_test

import (
	"testing"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{}) }
