{{- define "sigyn.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sigyn.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "sigyn.name" .) .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "sigyn.name" .) | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "sigyn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "sigyn.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "sigyn.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end }}

{{/* Labels that a selector uses; they never change. Arguments: root, component. */}}
{{- define "sigyn.selector" -}}
app.kubernetes.io/name: {{ include "sigyn.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "sigyn.labels" -}}
{{ include "sigyn.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Name, labels and annotations of an object. Arguments: root, component, suffix, annotations. */}}
{{- define "sigyn.metadata" -}}
metadata:
  name: {{ include "sigyn.fullname" .root }}{{ .suffix }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sigyn.labels" . | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The port that the configuration opens. */}}
{{- define "sigyn.port" -}}
{{ dig "server" "http_listen_port" 3100 .Values.config | int }}
{{- end }}

{{- define "sigyn.bucket" -}}
{{ dig "storage" "bucket" "" .Values.config }}
{{- end }}

{{/* "yes" when the bucket is a directory of the pod. */}}
{{- define "sigyn.bucketIsLocal" -}}
{{- if not (regexMatch "^(s3|gs|az)://" (include "sigyn.bucket" .)) -}}yes{{- end -}}
{{- end }}

{{/* "yes" when the bucket is a directory below /var/lib/sigyn, which the volume holds. */}}
{{- define "sigyn.needsVolume" -}}
{{- if hasPrefix "file:///var/lib/sigyn" (include "sigyn.bucket" .) -}}yes{{- end -}}
{{- end }}

{{/* What runs: a JSON list of components, each with its target. */}}
{{- define "sigyn.components" -}}
{{- if eq .Values.deployment "scalable" -}}
[{"name":"write"},{"name":"read"},{"name":"backend"}]
{{- else -}}
[{"name":"single"}]
{{- end -}}
{{- end }}

{{/* The service that a kind of request goes to. Arguments: root, component. */}}
{{- define "sigyn.serviceFor" -}}
{{ include "sigyn.fullname" .root }}{{ if eq .root.Values.deployment "scalable" }}-{{ .component }}{{ end }}
{{- end }}
