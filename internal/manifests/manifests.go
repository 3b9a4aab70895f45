// Package manifests reads Kubernetes objects from files, and remembers at which line and column each of their fields
// is. It reads what anybody may have written: size, depth and aliases are bounded, and what cannot be read is a Problem
// with its place, never the end of the rest.
package manifests

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Place is where something is in a file. Line and Column count from 1; 0 is not known.
type Place struct {
	File   string
	Line   int
	Column int
}

func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is what could not be read. Message never has a value of the file in it.
type Problem struct {
	Place
	Message string
}

// Document is one document of a file, or one item of a List. Without kind and apiVersion it is no object of Kubernetes,
// such as a chart's values, but still a text that may have a secret in it.
type Document struct {
	File string
	// Value is what kubectl would send; nil for a document that is no mapping.
	Value map[string]any
	// Patch says that a kustomization changes other objects by it, so that it is no whole object.
	Patch bool

	node   *yaml.Node
	offset int // lines of the file before the document
}

// Set is everything that was read.
type Set struct {
	// Documents in the order in which they were read.
	Documents []*Document
	// Comments are the comments of all files, which may have a secret in them, too.
	Comments []Text
	Problems []Problem
	// Notices say in a sentence what was left out, and what to do instead.
	Notices []string
	Files   int
}

// IsObject says whether the document is a whole object of Kubernetes.
func (d *Document) IsObject() bool {
	return d.Kind() != "" && d.APIVersion() != "" && !d.Patch
}

// Kind is the object's kind, or empty.
func (d *Document) Kind() string { return text(d.Value, "kind") }

// APIVersion is the object's group and version, or empty.
func (d *Document) APIVersion() string { return text(d.Value, "apiVersion") }

// Name is the object's name, or empty.
func (d *Document) Name() string { return text(d.metadata(), "name") }

// Namespace is the object's namespace, or empty where it has none of its own.
func (d *Document) Namespace() string { return text(d.metadata(), "namespace") }

// Annotation is the value of an annotation, or empty.
func (d *Document) Annotation(name string) string {
	annotations, _ := d.metadata()["annotations"].(map[string]any)
	return text(annotations, name)
}

func (d *Document) metadata() map[string]any {
	m, _ := d.Value["metadata"].(map[string]any)
	return m
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
