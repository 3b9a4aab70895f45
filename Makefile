# `make help` lists the targets. Everything that they need beyond Go, git and make they build from Go modules, once,
# into ${XDG_CACHE_HOME:-~/.cache}/kassa.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)
IMAGE ?= ghcr.io/kassa-dev/kassa:$(VERSION)
PUSH ?= false
TEST_TIMEOUT ?= 25m
# How many packages at once. Tests of deployed programs wait more than they compute, so more are faster where nothing else
# runs.
TEST_PACKAGES ?= $(shell getconf _NPROCESSORS_ONLN)
FUZZTIME ?= 20s
PKG ?= ./...

TOOL := hack/tools/ensure
# Each folder is a module of its own.
TEST_MODULES := $(patsubst %/go.mod,%,$(wildcard test/*/go.mod))
MODULES := . hack/controlplane hack/tools hack/tools/lint hack/tools/helm hack/tools/helm-docs hack/tools/image \
	hack/tools/coredns hack/tools/vuln hack/tools/sbom hack/tools/crdify hack/tools/licenses $(TEST_MODULES)
GENERATED := api/v1alpha1/zz_generated.deepcopy.go config/crd/bases config/rbac/role.yaml charts/kassa/files/crds \
	charts/kassa/files/rights.yaml charts/kassa/README.md docs/reference/api.md

##@ Use

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: controlplane ## Show the main job on a real control plane; DEMO_ONCE=1 ends with a verdict
	@go build -o bin/demo ./hack/demo
	@bin/demo # not go run, which answers Ctrl-C with an error

.PHONY: build
build: ## Build bin/kassa and the plugin bin/kubectl-kassa
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/...

.PHONY: image
image: ## Build dist/kassa-image.tar for amd64 and arm64, and its SBOMs, without a container runtime; PUSH=true sends it to IMAGE
	@mkdir -p dist
	@for arch in amd64 arm64; do \
		echo "image: linux/$$arch"; \
		GOOS=linux GOARCH=$$arch hack/ship $(VERSION) dist/linux-$$arch/kassa ./cmd/kassa; \
	done
	@for arch in amd64 arm64; do \
		$$($(TOOL) cyclonedx-gomod) bin -json -std -noserial -notimestamp -version $(VERSION) \
			-output dist/kassa-linux-$$arch.cdx.json dist/linux-$$arch/kassa; \
	done
	@$$($(TOOL) image) -name $(IMAGE) -revision "$(REVISION)" -out dist/kassa-image.tar -push=$(PUSH) \
		linux/amd64=dist/linux-amd64/kassa linux/arm64=dist/linux-arm64/kassa

.PHONY: plugin
plugin: ## Build the plugin's archives, checksums and krew manifest into dist/plugin; PLATFORMS chooses
	@hack/plugin $(VERSION)

##@ Develop

.PHONY: generate
generate: manifests ## Make everything that is generated: deepcopy, CRDs, RBAC, chart, API reference
	$$($(TOOL) controller-gen) object paths=./api/...
	$$($(TOOL) crd-ref-docs) --source-path=api --config=hack/docs/reference.yaml --renderer=markdown \
		--output-path=docs/reference/api.md --log-level=ERROR

.PHONY: manifests
manifests: ## Make the CRDs, the operator's role and their copies in the chart, and the chart's README
	$$($(TOOL) controller-gen) crd paths=./api/... output:crd:dir=config/crd/bases
	$$($(TOOL) controller-gen) rbac:roleName=kassa-operator paths=./controllers/... output:rbac:dir=config/rbac
	hack/chart

.PHONY: licenses
licenses: ## Write THIRD_PARTY_LICENSES of what the binaries link; a licence that is not allowed fails
	@licenses=$$($(TOOL) licenses); mkdir -p bin; $$licenses ./cmd/... >bin/THIRD_PARTY_LICENSES; \
		mv bin/THIRD_PARTY_LICENSES THIRD_PARTY_LICENSES

.PHONY: lint
lint: ## Lint the code, and the API against the Kubernetes conventions
	$$($(TOOL) lint) run

.PHONY: fmt
fmt: ## Format the code
	$$($(TOOL) lint) fmt

.PHONY: dashboard-picture
dashboard-picture: controlplane ## Draw docs/img/dashboard-*.png; needs Chromium, npm, PostgreSQL, pngquant and 15 minutes
	cd test/dashboard && KUBEBUILDER_ASSETS=$$($(CURDIR)/hack/controlplane/ensure) DASHBOARD_PICTURE=$(CURDIR)/docs/img \
		go test -count 1 -run '^TestPicture$$' -v -timeout 40m .

.PHONY: clean
clean: ## Remove what the targets wrote into this folder
	rm -rf bin dist cover.out

##@ Check

.PHONY: test
test: controlplane ## Test everything that needs no nodes, in Chromium too if it is there; PKG=./internal/... for a part
	KUBEBUILDER_ASSETS=$$(hack/controlplane/ensure) go test -p $(TEST_PACKAGES) -timeout $(TEST_TIMEOUT) $(PKG)
	@for module in $(TEST_MODULES); do \
		echo "test: module $$module"; \
		(cd "$$module" && KUBEBUILDER_ASSETS=$$($(CURDIR)/hack/controlplane/ensure) \
			go test -p $(TEST_PACKAGES) -timeout $(TEST_TIMEOUT) ./...); \
	done

.PHONY: e2e
e2e: ## Run the image and the chart on nodes: of E2E_KUBECONFIG, or, as root on Linux, of a cluster that it makes
	@test/e2e/run

.PHONY: bench
bench: controlplane ## Run the benchmarks and print the machine
	@echo "machine: $$(uname -srm), $$(getconf _NPROCESSORS_ONLN) cores, $$(go env GOVERSION)"
	KUBEBUILDER_ASSETS=$$(hack/controlplane/ensure) go test -run '^$$' -bench . -benchmem -timeout 30m $(PKG)

.PHONY: soak
soak: controlplane ## Send a million events under SIGKILLs; SOAK_STORE (postgres), SOAK_EVENTS and SOAK_SEED choose
	KUBEBUILDER_ASSETS=$$(hack/controlplane/ensure) SOAK_EVENTS=$${SOAK_EVENTS:-1000000} \
		go test -count 1 -run '^TestSoak$$/^$(or $(SOAK_STORE),objects)$$' -v -timeout 12h ./test/soak

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) hack/fuzz

.PHONY: vuln
vuln: ## Look for known vulnerabilities in the shipped binaries; skipped where no database can be reached
	@hack/vuln

.PHONY: image-test
image-test: image ## Check the image: platforms, user, labels, one static file with CA roots
	@cd hack/tools/image && IMAGE_TAR=$(CURDIR)/dist/kassa-image.tar go test -count 1 ./...

.PHONY: reproducible
reproducible: ## Build the commit's image twice, in different folders and with an empty cache, and compare
	@hack/reproducible

.PHONY: crd-compat
crd-compat: ## Check that the CRDs take what those of BASE took; BASE is the last tag, without one this is skipped
	@hack/crd-compat-test
	@hack/crd-compat $(BASE)

.PHONY: helm-test
helm-test: controlplane ## Test the chart: lint, values, rendered objects, kustomize's, and an installation
	@helm=$$($(TOOL) helm); \
	$$helm lint --strict charts/kassa; \
	$$helm lint --strict charts/kassa -f charts/kassa/tests/all-values.yaml
	@$$($(TOOL) helm-unittest) --strict charts/kassa
	KUBEBUILDER_ASSETS=$$(hack/controlplane/ensure) go test ./test/chart

.PHONY: verify
verify: in-step lint ## Check that generated files and modules are in step, and lint

.PHONY: in-step
in-step: ## Check that generated files, modules, format, kustomize and chart are in step
	@echo "verify: generated files"; $(MAKE) generate; hack/in-step $(GENERATED)
	@echo "verify: licences"; (cd hack/tools/licenses && go test ./...); $(MAKE) licenses; hack/in-step THIRD_PARTY_LICENSES
	@for module in $(MODULES); do \
		echo "verify: go mod tidy in $$module"; (cd "$$module" && go mod tidy -diff); \
	done
	@echo "verify: gofmt"; test -z "$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go'))" \
		|| { gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go'); exit 1; }
	@echo "verify: kustomize"; "$$(hack/controlplane/ensure)/kubectl" kustomize config/default >/dev/null
	@echo "verify: chart"; $(MAKE) helm-test

.PHONY: controlplane
controlplane: ## Make sure that etcd, kube-apiserver and kubectl are there; the first time takes minutes
	@hack/controlplane/ensure >/dev/null
