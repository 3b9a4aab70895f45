{{- /*
The operator's rules in one namespace: all of config/rbac/role.yaml but those on namespaces themselves, which are in no
namespace.
*/ -}}
{{- define "kassa.rights.inNamespace" -}}
{{- $rules := list -}}
{{- range $rule := (.Files.Get "files/rights.yaml" | fromYaml).rules -}}
{{- with without $rule.resources "namespaces" -}}
{{- $rules = append $rules (merge (dict "resources" .) $rule) -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}
