package drawn

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

const again = "docs/img does not show the dashboard as it is: run make dashboard-picture, in a quarter of an hour"

// The pictures are of this dashboard, and none of its panels was empty.
func TestPicturesAreOfThisDashboard(t *testing.T) {
	g := NewWithT(t)
	dashboard, err := os.ReadFile("../../charts/kassa/files/dashboard.json")
	g.Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "img", File))
	g.Expect(err).NotTo(HaveOccurred(), again)
	var drawn []Panel
	var of struct{ Panels []struct{ Type string } }
	g.Expect(json.Unmarshal(text, &drawn)).To(Succeed())
	g.Expect(json.Unmarshal(dashboard, &of)).To(Succeed())
	g.Expect(drawn).To(HaveLen(len(of.Panels)), again)
	next := 0
	now, err := Panels(dashboard, func(int) int { next++; return drawn[next-1].Series })
	g.Expect(err).NotTo(HaveOccurred())
	for i, p := range now {
		g.Expect(drawn[i]).To(Equal(p), again)
		g.Expect(p.Series > 0).To(Equal(of.Panels[i].Type != "row"), "%s was empty", p.Title)
	}
}

func TestPanels(t *testing.T) {
	g := NewWithT(t)
	read := func(text string) []Panel {
		out, err := Panels([]byte(text), func(id int) int { return id * 2 })
		g.Expect(err).NotTo(HaveOccurred())
		return out
	}
	one := read(`{"panels": [{"id": 1, "title": "Requests", "type": "stat"}]}`)
	g.Expect(one).To(HaveLen(1))
	g.Expect(one[0]).To(And(HaveField("Title", "Requests"), HaveField("Series", 2), HaveField("Model", HaveLen(12))))
	g.Expect(read(`{"uid":"x","panels":[{"id":1,"title":"Requests","type":"stat"}]}`)).To(Equal(one), "only spaces differ")
	g.Expect(read(`{"panels": [{"id": 1, "title": "Requests", "type": "row"}]}`)).NotTo(Equal(one))
	_, err := Panels([]byte("{"), nil)
	g.Expect(err).To(HaveOccurred())
}
