package serving

import "testing"

func TestNextPage(t *testing.T) {
	for _, c := range []struct {
		reason       string
		page         int64
		count, bytes int
		want         int64
	}{
		{"small objects: twice as many", 8, 8, 8 << 10, 16},
		{"the most", 200, 200, 200 << 10, followPage},
		{"large ones: as many as fit", 64, 64, 64 * 100 << 10, 10},
		{"the largest: one by one", 8, 8, 8 << 20, 1},
		{"larger than a page", 1, 1, 2 << 20, 1},
		{"none of ours", 8, 0, 0, 16},
	} {
		if got := nextPage(c.page, c.count, c.bytes); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
}
