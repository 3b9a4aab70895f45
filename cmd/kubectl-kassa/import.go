package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/adopt"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

// importing are the flags of kubectl kassa import.
type importing struct {
	*kubectl.Options
	access     kubectl.Access
	provider   string
	mode       string
	store      string
	name       string
	baseURL    string
	management string
	archived   bool
	dir        string
	overwrite  bool
}

func importCommand(o *kubectl.Options) *cobra.Command {
	i := &importing{Options: o}
	cmd := &cobra.Command{
		Use:   "import PAYMENTPROVIDER | --provider PROVIDER --mode MODE",
		Short: "Write an account's catalogue as Plans that adopt it",
		Long: "Import reads the products and prices of an account, and writes a PaymentProvider, and a Plan for each " +
			"product that names their ids under adopt. It writes nothing to the provider, and nothing to the cluster.\n\n" +
			"The account is that of a PaymentProvider in the cluster, or that of --provider and --mode, for which no cluster " +
			"is needed. What a Plan cannot express is left out, and named in a comment and on the error stream; a price is " +
			"never written with other terms than it has. The Plans observe, until management is set to Enforce.",
		Example: "  kubectl kassa import stripe --output-dir plans/\n" +
			"  kubectl kassa import --provider paddle --mode Test --api-key-file key > catalogue.yaml",
		Args:              cobra.MaximumNArgs(1),
		RunE:              func(cmd *cobra.Command, names []string) error { return i.run(cmd.Context(), names) },
		ValidArgsFunction: providerArgs(o),
	}
	i.access.AddFlags(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&i.provider, "provider", "", "of an account without a PaymentProvider: stripe|paddle|lemonsqueezy")
	f.StringVar(&i.mode, "mode", "", "of an account without a PaymentProvider: Test|Live")
	f.StringVar(&i.store, "store", "", "of an account without a PaymentProvider: number of the store, at LemonSqueezy")
	f.StringVar(&i.name, "name", "", "name of the new PaymentProvider (default: that of the provider)")
	f.StringVar(&i.baseURL, "base-url", "", "spec.baseURL of the new PaymentProvider")
	f.StringVar(&i.management, "management", string(v1alpha1.ManagementObserve),
		"spec.management of the Plans: Observe|Preview|Enforce")
	f.BoolVar(&i.archived, "archived", false, "take archived products and prices, too")
	f.StringVar(&i.dir, "output-dir", "", "write a file for each object, and a kustomization.yaml, into a folder")
	f.BoolVar(&i.overwrite, "overwrite", false, "write over files of other content")
	for flag, values := range map[string][]string{
		"provider": {"stripe", "paddle", "lemonsqueezy"}, "mode": {"Test", "Live"}, "management": managements,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

var managements = []string{
	string(v1alpha1.ManagementObserve), string(v1alpha1.ManagementPreview), string(v1alpha1.ManagementEnforce),
}

func (i *importing) run(ctx context.Context, names []string) error {
	if !slices.Contains(managements, i.management) {
		return fmt.Errorf("unknown management %q: use %s", i.management, strings.Join(managements, ", "))
	}
	pp, desk, err := i.account(ctx, names)
	if err != nil {
		return err
	}
	account, err := desk.Open(ctx, pp)
	if err != nil {
		return fmt.Errorf("opening the account: %w", err)
	}
	snap, err := account.Conn.Catalog().Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	options := i.options(pp, account)
	if len(names) > 0 {
		if options.Existing, err = i.existing(ctx, pp.Namespace); err != nil {
			return err
		}
	}
	made, err := adopt.Of(snap, options)
	if err != nil {
		return err
	}
	for _, notice := range made.Notices {
		i.Warnf("%s", notice)
	}
	if err := i.write(made); err != nil {
		return err
	}
	i.Warnf("%d Plans with %d prices of %d products and %d prices; %d left out; %d requests", made.Plans, made.Prices,
		len(snap.Products), len(snap.Prices), made.LeftOut, desk.Calls())
	return nil
}

func (i *importing) options(pp *v1alpha1.PaymentProvider, account *accounts.Account) adopt.Options {
	written := pp.DeepCopy()
	// Another account's key shall not be taken for this one's.
	if s := written.Spec.Stripe; s != nil && s.AccountID == "" && strings.HasPrefix(account.Info.ID, "acct_") {
		s.AccountID = account.Info.ID
	}
	return adopt.Options{
		Provider: written, Namespace: *i.Cluster.Namespace, Adapter: account.Adapter,
		Rules:      catalog.NewRules(account.Conn.Catalog(), account.Adapter.Traits()),
		Management: v1alpha1.Management(i.management), Archived: i.archived,
	}
}

// existing are the Plans that are beside a PaymentProvider of the cluster.
func (i *importing) existing(ctx context.Context, namespace string) ([]v1alpha1.Plan, error) {
	c, err := i.Client()
	if err != nil {
		return nil, err
	}
	var plans v1alpha1.PlanList
	err = c.List(ctx, &plans, client.InNamespace(namespace))
	return plans.Items, err
}

// account is what is imported, and who opens it.
func (i *importing) account(ctx context.Context, names []string) (*v1alpha1.PaymentProvider, opener, error) {
	flags := i.provider + i.mode + i.store + i.name + i.baseURL
	if len(names) == 0 {
		pp, err := i.declared()
		if err != nil {
			return nil, nil, err
		}
		if len(i.access.KeyFiles) == 0 && os.Getenv(kubectl.KeyVariable) == "" {
			return nil, nil, errors.New("give the API key by --api-key-file or " + kubectl.KeyVariable)
		}
		// The cluster is asked only where the address is in it.
		var c client.Client
		if found, err := i.Client(); err == nil {
			c = found
		}
		desk, err := i.Desk(ctx, &i.access, nil, c)
		return pp, desk, err
	}
	if flags != "" {
		return nil, nil, errors.New("a PaymentProvider of the cluster has its provider, mode and address: give no flags")
	}
	c, err := i.Client()
	if err != nil {
		return nil, nil, err
	}
	namespace, err := i.Namespace()
	if err != nil {
		return nil, nil, err
	}
	pp := &v1alpha1.PaymentProvider{}
	if err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: names[0]}, pp); err != nil {
		return nil, nil, err
	}
	desk, err := i.Desk(ctx, &i.access, c, c)
	return pp, desk, err
}

// opener opens an account for reading.
type opener interface {
	Open(ctx context.Context, pp *v1alpha1.PaymentProvider) (*accounts.Account, error)
	Calls() int
}

// declared is the PaymentProvider that the flags declare.
func (i *importing) declared() (*v1alpha1.PaymentProvider, error) {
	pp := &v1alpha1.PaymentProvider{}
	pp.Name = i.name
	if pp.Name == "" {
		pp.Name = strings.ToLower(i.provider)
	}
	ref := v1alpha1.SecretKeyReference{Name: pp.Name + "-api", Key: "api-key"}
	pp.Spec.Mode, pp.Spec.BaseURL = v1alpha1.Mode(i.mode), i.baseURL
	switch strings.ToLower(i.provider) {
	case "stripe":
		pp.Spec.Stripe = &v1alpha1.StripeProvider{APIKeySecretRef: ref}
	case "paddle":
		pp.Spec.Paddle = &v1alpha1.PaddleProvider{APIKeySecretRef: ref}
	case "lemonsqueezy":
		pp.Spec.LemonSqueezy = &v1alpha1.LemonSqueezyProvider{APIKeySecretRef: ref, StoreID: i.store}
	case "":
		return nil, errors.New("name a PaymentProvider of the cluster, or give --provider and --mode")
	default:
		return nil, fmt.Errorf("unknown provider %q: use stripe, paddle or lemonsqueezy", i.provider)
	}
	if i.mode != string(v1alpha1.ModeTest) && i.mode != string(v1alpha1.ModeLive) {
		return nil, errors.New("--mode is Test or Live")
	}
	if (i.store == "") == (pp.Spec.LemonSqueezy != nil) {
		return nil, errors.New("--store is the number of the store at LemonSqueezy, and only there")
	}
	return pp, nil
}

// write prints all documents, or writes each into its file.
func (i *importing) write(made *adopt.Import) error {
	if i.dir == "" {
		for n, d := range made.Documents {
			if n > 0 {
				d.Content = append([]byte("---\n"), d.Content...)
			}
			if _, err := i.Streams.Out.Write(d.Content); err != nil {
				return err
			}
		}
		return nil
	}
	files := append(slices.Clone(made.Documents), made.Kustomization())
	if err := i.mayWrite(files); err != nil {
		return err
	}
	if err := os.MkdirAll(i.dir, 0o750); err != nil {
		return err
	}
	for _, d := range files {
		if err := os.WriteFile(filepath.Join(i.dir, d.File), d.Content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// mayWrite refuses to write over what somebody changed, before the first file is written.
func (i *importing) mayWrite(files []adopt.Document) error {
	if i.overwrite {
		return nil
	}
	for _, d := range files {
		have, err := os.ReadFile(filepath.Join(i.dir, d.File))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(have, d.Content) {
			return fmt.Errorf("%s is there with other content; --overwrite writes over it", filepath.Join(i.dir, d.File))
		}
	}
	return nil
}
