{{- define "kassa.name" -}}
{{- if contains "kassa" .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-kassa" (.Release.Name | trunc 39 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "kassa.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "kassa.name" .) -}}
{{- end -}}

{{- /* Labels of every object, without those that say what it is part of. */ -}}
{{- define "kassa.common" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kassa.selector" -}}
app.kubernetes.io/name: kassa
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "kassa.labels" -}}
{{ include "kassa.selector" . }}
{{ include "kassa.common" . }}
{{- end -}}

{{- define "kassa.sandbox.selector" -}}
app.kubernetes.io/name: kassa
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: sandbox
{{- end -}}

{{- define "kassa.sandbox.labels" -}}
{{ include "kassa.sandbox.selector" . }}
{{ include "kassa.common" . }}
{{- end -}}

{{- /* Labels of the pods of the servers that the operator deploys, as a list of expressions. */ -}}
{{- define "kassa.servers" -}}
- key: app.kubernetes.io/managed-by
  operator: In
  values: [kassa]
- key: app.kubernetes.io/name
  operator: In
  values: [kassa-receiver, kassa-checkout]
{{- end -}}

{{- define "kassa.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* The lease. Operators of all namespaces exclude each other by it, whoever installed them. */ -}}
{{- define "kassa.lease" -}}
{{- if .Values.namespaces }}{{ include "kassa.name" . }}{{ else }}kassa-operator{{ end }}
{{- end }}
