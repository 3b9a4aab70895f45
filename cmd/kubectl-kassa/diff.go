package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/preview"
)

// diff are the flags of kubectl kassa diff.
type diff struct {
	*kubectl.Options
	access        kubectl.Access
	output        kubectl.Output
	files         []string
	recursive     bool
	allNamespaces bool
	offline       bool
	cluster       string
}

func diffCommand(o *kubectl.Options) *cobra.Command {
	d := &diff{Options: o}
	cmd := &cobra.Command{
		Use:   "diff [PLAN... | -f FILE|DIR|-]",
		Short: "Show what Plans would change at their providers",
		Long: "Diff compares Plans with the catalogues of their providers, and shows every field that differs and every " +
			"operation that Kassa would carry out, in order. It reads and writes nothing.\n\n" +
			"With -f, the Plans of the files are compared, as if they had been applied: what the cluster knows of Plans of " +
			"the same names counts for them. Otherwise the cluster's own are, of one namespace or of all.\n\n" +
			"The exit code is 0 if nothing differs, 1 if something does, and 2 if diff could not do its work.",
		Example: "  kubectl kassa diff -f plans/\n" +
			"  kubectl kassa diff pro team\n" +
			"  kustomize build overlays/prod | kubectl kassa diff -f - -o json\n" +
			"  KASSA_API_KEY=$(cat key) kubectl kassa diff --offline -f deploy/",
		RunE:              func(cmd *cobra.Command, names []string) error { return d.run(cmd.Context(), names) },
		ValidArgsFunction: planArgs(o),
	}
	d.output.AddFlag(cmd)
	d.access.AddFlags(cmd.Flags())
	f := cmd.Flags()
	f.StringArrayVarP(&d.files, "filename", "f", nil, "files, folders or URLs with Plans, or - for the standard input")
	f.BoolVarP(&d.recursive, "recursive", "R", false, "read the folders below those of -f, too")
	f.BoolVarP(&d.allNamespaces, "all-namespaces", "A", false, "compare the Plans of all namespaces")
	f.BoolVar(&d.offline, "offline", false,
		"ask no cluster: PaymentProviders are in the files, and the API key is given")
	f.StringVar(&d.cluster, "cluster-id", "", "that of the operator, where it has one; default: the cluster's own")
	return cmd
}

func (d *diff) run(ctx context.Context, names []string) error {
	if err := d.check(names); err != nil {
		return err
	}
	namespace, err := d.Namespace()
	if err != nil {
		return err
	}
	files := &kubectl.Files{}
	if len(d.files) > 0 {
		if files, err = d.ReadFiles(d.files, d.recursive, namespace); err != nil {
			return err
		}
	}
	comparer := &preview.Comparer{Reader: files}
	var c client.Client
	if !d.offline {
		if c, err = d.Client(); err != nil {
			return err
		}
		files.Cluster = c
		if comparer.Cluster, err = kubectl.ClusterID(ctx, c); err != nil {
			return err
		}
	}
	comparer.Cluster = cmp.Or(d.cluster, comparer.Cluster)
	plans, err := d.plans(ctx, c, files, namespace, names)
	if err != nil {
		return err
	}
	desk, err := d.Desk(ctx, &d.access, files, c)
	if err != nil {
		return err
	}
	if len(plans) == 0 {
		d.Warnf("There are no Plans to compare%s.", kubectl.Where(namespace, d.allNamespaces || len(d.files) > 0))
	}
	comparer.Open = d.trusting(files, files.Cluster, desk.Open)
	report := comparer.Compare(ctx, plans)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.output.Print(d.Streams.Out, report, func(w io.Writer) error { return report.People(w) }); err != nil {
		return err
	}
	switch {
	case report.Summary.Failed > 0:
		return fmt.Errorf("of %d Plans at their providers it is not known what differs", report.Summary.Failed)
	case report.Found():
		return kubectl.ErrFound
	}
	return nil
}

func (d *diff) check(names []string) error {
	switch {
	case len(d.files) > 0 && (len(names) > 0 || d.allNamespaces):
		return errors.New("give either -f, or names of Plans in the cluster, or -A")
	case d.allNamespaces && len(names) > 0:
		return errors.New("with -A all Plans are compared; give no names")
	case d.offline && len(d.files) == 0:
		return errors.New("without a cluster there are only the Plans of files: give -f")
	}
	return d.output.Check()
}

// plans are what is compared, with what the cluster knows of them.
func (d *diff) plans(
	ctx context.Context, c client.Client, files *kubectl.Files, namespace string, names []string,
) ([]preview.Plan, error) {
	if len(d.files) > 0 {
		return wanted(ctx, c, files)
	}
	list := &v1alpha1.PlanList{}
	switch {
	case len(names) > 0:
		for _, name := range names {
			p := v1alpha1.Plan{}
			if err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &p); err != nil {
				return nil, err
			}
			list.Items = append(list.Items, p)
		}
	case d.allNamespaces:
		namespace = ""
		fallthrough
	default:
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
	}
	plans := make([]preview.Plan, len(list.Items))
	for i := range list.Items {
		plans[i] = preview.Plan{Wanted: &list.Items[i], Applied: &list.Items[i]}
	}
	return plans, nil
}

// wanted are the Plans of files. Each knows what the cluster's of its name knows.
func wanted(ctx context.Context, c client.Client, files *kubectl.Files) ([]preview.Plan, error) {
	found, err := files.Plans()
	if err != nil {
		return nil, err
	}
	applied, err := appliedIn(ctx, c, found)
	if err != nil {
		return nil, err
	}
	plans := make([]preview.Plan, 0, len(found))
	for _, p := range found {
		p.UID, p.Status, p.DeletionTimestamp = "", v1alpha1.PlanStatus{}, nil
		plan := preview.Plan{Wanted: p, Applied: applied[client.ObjectKeyFromObject(p)]}
		if a := plan.Applied; a != nil {
			p.UID, p.Status, p.DeletionTimestamp = a.UID, a.Status, a.DeletionTimestamp
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// appliedIn are the cluster's Plans of the namespaces in which the given ones are.
func appliedIn(
	ctx context.Context, c client.Client, plans []*v1alpha1.Plan,
) (map[types.NamespacedName]*v1alpha1.Plan, error) {
	applied, listed := map[types.NamespacedName]*v1alpha1.Plan{}, map[string]bool{}
	for _, p := range plans {
		if c == nil || listed[p.Namespace] {
			continue
		}
		listed[p.Namespace] = true
		list := &v1alpha1.PlanList{}
		if err := c.List(ctx, list, client.InNamespace(p.Namespace)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			applied[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
		}
	}
	return applied, nil
}
