package validate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/validate"
)

// FuzzCheck: whatever is in a manifest, the rules come to an end, and no finding tells a key.
func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := (&manifests.Reader{Stdin: strings.NewReader(text)}).Read([]string{manifests.Stdin})
		if err != nil {
			t.Fatal(err)
		}
		findings, err := validate.Check(t.Context(), set, validate.Options{Registry: registry()})
		if err != nil {
			t.Fatal(err)
		}
		for i := range findings {
			if strings.Contains(findings[i].Message, "sk_live_"+"51MrQpTzKd8VwYbNc") {
				t.Error(findings[i].Message)
			}
		}
	})
}
