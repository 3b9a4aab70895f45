package preview

import (
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// own finds out whose marks the Plan's objects carry. A Plan that is not in the cluster has no UID yet. Without a
// cluster the marks of a Plan of its name are taken for its own, as long as they are one Plan's.
func (s *sale) own() {
	p := s.plan.Wanted
	s.owner = billing.Owner{
		Cluster: s.comparer.Cluster, Namespace: p.Namespace, Name: p.Name, UID: string(p.UID),
	}
	if s.owner.UID != "" {
		return
	}
	s.owner.UID = catalog.New
	named := s.named()
	switch {
	case len(named) == 0:
	case s.comparer.Cluster != "":
		// If the Plan adopts it, the rules know it as its own.
		if s.at.Adopt == nil {
			s.noticef("%s carries the marks of a Plan of this name that is gone; name it under adopt.productID to take it "+
				"over, or another product is made", named[0].product)
		}
	case len(named) == 1:
		s.owner = named[0].owner
		s.noticef("there is no cluster to tell whose %s is; it carries this Plan's name, and is taken for its own",
			named[0].product)
	default:
		s.noticef("there is no cluster to tell which is this Plan's own product: %d carry the marks of Plans of its name",
			len(named))
	}
	if s.owner.Cluster == "" {
		s.owner.Cluster = catalog.New
	}
}

type namesake struct {
	product string
	owner   billing.Owner
}

// named are products with the marks of a Plan of this name, one for each Plan.
func (s *sale) named() []namesake {
	var found []namesake
	seen := map[billing.Owner]bool{}
	for _, o := range s.all {
		by := o.Product.Owner
		same := by.Identifies() && by.Namespace == s.Namespace && by.Name == s.Plan &&
			(s.comparer.Cluster == "" || by.Cluster == s.comparer.Cluster)
		if same && !seen[by] {
			seen[by] = true
			found = append(found, namesake{o.Product.ID, by})
		}
	}
	return found
}
