// Package crd holds the CustomResourceDefinitions of Kassa's kinds, for programs that look at objects without a
// cluster.
package crd

import "embed"

// Bases are the generated files, in the folder bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
