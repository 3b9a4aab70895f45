package manifests

import (
	"path"
	"slices"
)

// markPatches marks the documents of files that a kustomization names as patches: parts of objects that are elsewhere.
func (s *Set) markPatches() {
	patches := map[string]bool{}
	for _, d := range s.Documents {
		if !slices.Contains([]string{"kustomization.yaml", "kustomization.yml"}, path.Base(d.File)) {
			continue
		}
		folder := path.Dir(d.File)
		for _, field := range []string{"patches", "patchesStrategicMerge", "patchesJson6902"} {
			list, _ := d.Value[field].([]any)
			for _, p := range list {
				name, _ := p.(string)
				if m, ok := p.(map[string]any); ok {
					name = text(m, "path")
				}
				patches[path.Join(folder, name)] = true
			}
		}
	}
	for _, d := range s.Documents {
		d.Patch = patches[d.File]
	}
}
