package adopt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
)

// object has the fields of a manifest, in the usual order.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   meta   `json:"metadata"`
	Spec       any    `json:"spec"`
}

type meta struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// write adds a document, with a comment of one line for each note.
func (w *writer) write(file, kind, name string, spec any, notes []string) error {
	content, err := encode(object{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: kind,
		Metadata: meta{Name: name, Namespace: w.Namespace}, Spec: spec,
	})
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", kind, name, err)
	}
	var b bytes.Buffer
	for _, note := range notes {
		b.WriteString("# " + plain(note) + "\n")
	}
	b.Write(content)
	w.Documents = append(w.Documents, Document{File: file, Content: b.Bytes()})
	return nil
}

// provider writes the PaymentProvider before the Plans.
func (w *writer) provider() error {
	ref := accounts.KeyRef(&w.Provider.Spec)
	namespace := ""
	if w.Namespace != "" {
		namespace = " -n " + w.Namespace
	}
	notes := []string{
		"The key is in a Secret, and in no file:",
		fmt.Sprintf("  kubectl create secret generic %s%s --from-file=%s=FILE", ref.Name, namespace, ref.Key),
	}
	if len(w.absent) > 0 {
		notes = append(notes, "Left out, and left as it is:")
	}
	for _, left := range w.absent {
		notes = append(notes, "  "+left)
	}
	plans := w.Documents
	w.Documents = nil
	name := w.Provider.Name
	if err := w.write("paymentprovider-"+name+".yaml", "PaymentProvider", name, w.Provider.Spec, notes); err != nil {
		return err
	}
	w.Documents = append(w.Documents, plans...)
	return nil
}

// Kustomization lists the files.
func (i *Import) Kustomization() Document {
	var b strings.Builder
	b.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
	for _, d := range i.Documents {
		b.WriteString("- " + d.File + "\n")
	}
	return Document{File: "kustomization.yaml", Content: []byte(b.String())}
}

// plain is a text on one line of a comment.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// encode writes YAML with the fields in the order of their types, which is that of the documentation.
func encode(o object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	node, err := nodeOf(d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(node); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// nodeOf reads one value of JSON. A map would lose the order of its keys.
func nodeOf(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if t == '[' {
			node = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		for d.More() {
			child, err := nodeOf(d) // a key, too
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = d.Token() // the end
		return node, err
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: t.String()}, nil
	default:
		// A text that YAML, of whatever version, takes for something else is put into quotes.
		node := &yaml.Node{}
		err := node.Encode(t)
		return node, err
	}
}
