// Package drawn is what the pictures of the chart's dashboard in docs/img show. test/dashboard draws them.
package drawn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// File is beside the pictures, and has the Panels.
const File = "dashboard.json"

// Panel is what the pictures have of one.
type Panel struct {
	Title string `json:"title"`
	// Series is how many there were. A row has none.
	Series int `json:"series"`
	// Model stands for all of the panel's JSON, so that no change is forgotten.
	Model string `json:"model"`
}

// Panels are those of a dashboard. series tells how many there are in the panel of an id.
func Panels(dashboard []byte, series func(id int) int) ([]Panel, error) {
	var of struct{ Panels []json.RawMessage }
	if err := json.Unmarshal(dashboard, &of); err != nil {
		return nil, err
	}
	out := make([]Panel, len(of.Panels))
	for i, model := range of.Panels {
		var is struct{ ID int }
		var compact bytes.Buffer
		if err := json.Unmarshal(model, &out[i]); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(model, &is); err != nil {
			return nil, err
		}
		if err := json.Compact(&compact, model); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(compact.Bytes())
		out[i].Series, out[i].Model = series(is.ID), hex.EncodeToString(sum[:6])
	}
	return out, nil
}
