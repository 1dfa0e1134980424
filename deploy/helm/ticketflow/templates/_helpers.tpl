{{- /* The steps of ticketflow/workflow/graph.py; a test keeps the two the same. */ -}}
{{- define "ticketflow.steps" -}}
classify extract research draft review finalize
{{- end }}

{{- define "ticketflow.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 38 | trimSuffix "-" }}
{{- end }}

{{- /* At most 38 characters, so that the names made from it stay within 63. */ -}}
{{- define "ticketflow.fullname" -}}
{{- $name := include "ticketflow.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 38 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 38 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 38 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "ticketflow.image" -}}
{{- if and .Values.image.digest .Values.image.tag -}}
{{- fail "image: tag and digest both say which image; leave one of them empty" -}}
{{- else if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "ticketflow.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ticketflow.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ticketflow.labels" -}}
{{ include "ticketflow.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "ticketflow.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "ticketflow.fullname" .) "default") }}
{{- end }}

{{- /* The names of the groups of workers. Fails where a step is left out. */ -}}
{{- define "ticketflow.groups" -}}
{{- $all := splitList " " (include "ticketflow.steps" .) -}}
{{- $groups := list -}}
{{- $taken := list -}}
{{- range $name, $own := .Values.workers -}}
{{- if kindIs "map" $own -}}
{{- $groups = append $groups $name -}}
{{- $taken = concat $taken ($own.steps | default $.Values.worker.steps | default $all) -}}
{{- end -}}
{{- end -}}
{{- range $all -}}
{{- if not (has . $taken) -}}
{{- fail (printf "workers: no group takes the step %s, where every ticket would stop; add it to the `steps` of one" .) -}}
{{- end -}}
{{- end -}}
{{ join " " $groups }}
{{- end }}

{{- /* Values of the second map in place of those of the first, also where they are 0 or false, which `merge` passes over. */ -}}
{{- define "ticketflow.override" -}}
{{- $all := dict -}}
{{- range . -}}
{{- range $name, $value := . -}}
{{- $_ := set $all $name $value -}}
{{- end -}}
{{- end -}}
{{ toJson $all }}
{{- end }}

{{- /* A quantity of memory such as 1Gi in MiB. */ -}}
{{- define "ticketflow.mebibytes" -}}
{{- $number := regexFind "^[0-9.]+(e[+][0-9]+)?" (toString .) -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1.099511627776e12 "Pi" 1.125899906842624e15 -}}
{{ divf (mulf (float64 $number) (float64 (get $units (trimPrefix $number (toString .))))) 1048576 | int }}
{{- end }}

{{- /* One group of workers: {root, name}. Fails where its numbers do not fit together. */ -}}
{{- define "ticketflow.group" -}}
{{- $group := include "ticketflow.override" (list .root.Values.worker (index .root.Values.workers .name)) | fromJson -}}
{{- $limit := dig "limits" "memory" "" $group.resources -}}
{{- if and (eq $group.pool "prefork") $limit -}}
{{- /* A process that works holds some 290 MiB with 1,000 articles, and each child is one. */ -}}
{{- $needed := mul 300 (add1 $group.threads) -}}
{{- if lt (include "ticketflow.mebibytes" $limit | int) (int $needed) -}}
{{- fail (printf "workers.%s: resources.limits.memory is %v, and %v child processes with a model each, and their parent, want %dMi" .name $limit $group.threads $needed) -}}
{{- end -}}
{{- end -}}
{{- $kind := .root.Values.autoscaling.kind -}}
{{- if ne $kind "none" -}}
{{- $published := mul 4 $group.threads -}}
{{- /* A tenth too many is no reason to scale: an HPA's tolerance, and KEDA makes an HPA. */ -}}
{{- if gt (int $group.minReplicas) (int $group.maxReplicas) -}}
{{- fail (printf "workers.%s: minReplicas is %v, maxReplicas is %v; make minReplicas the smaller" .name $group.minReplicas $group.maxReplicas) -}}
{{- else if and (eq $kind "hpa") (lt (int $group.minReplicas) 1) -}}
{{- fail (printf "workers.%s: minReplicas is 0; only autoscaling.kind=keda brings a group back from there" .name) -}}
{{- else if ge (mul 11 $group.queueLength) (mul 10 $published) -}}
{{- fail (printf "workers.%s: queueLength is %v, and for %v threads dispatchers publish at most %d messages: it would never scale; make it at least a tenth less" .name $group.queueLength $group.threads $published) -}}
{{- end -}}
{{- end -}}
{{ toJson $group }}
{{- end }}

{{- /* Fails where the numbers that workers are to follow would reach nobody. */ -}}
{{- define "ticketflow.checkScaling" -}}
{{- $scaling := .Values.autoscaling -}}
{{- $watched := .Values.monitoring.monitors.enabled -}}
{{- if and (eq $scaling.kind "keda") (not $scaling.prometheusUrl) -}}
{{- fail "autoscaling.prometheusUrl: say where KEDA finds Prometheus, such as http://prometheus-operated.monitoring.svc:9090" -}}
{{- else if not (or $scaling.queueLabels (and .Values.broker.cluster.enabled $watched)) -}}
{{- fail "autoscaling.queueLabels: workers follow RabbitMQ's /metrics/detailed, which the monitors read only from a broker of the release's own (broker.cluster.enabled and monitoring.monitors.enabled); have Prometheus read yours and say what labels its queues have there, such as {vhost: ticketflow}" -}}
{{- end -}}
{{- range $name := splitList " " (include "ticketflow.groups" .) -}}
{{- $group := include "ticketflow.group" (dict "root" $ "name" $name) | fromJson -}}
{{- if and $group.oldestDueAge (not $.Values.exporter.enabled) -}}
{{- fail (printf "workers.%s: oldestDueAge is %v, and only the exporter knows how old the oldest is; set exporter.enabled=true or oldestDueAge=0" $name $group.oldestDueAge) -}}
{{- else if and $group.oldestDueAge (not (or $scaling.exporterLabels $watched)) -}}
{{- fail (printf "workers.%s: oldestDueAge is %v, and nobody reads it from the exporter; set monitoring.monitors.enabled=true, or autoscaling.exporterLabels to what Prometheus knows it by" $name $group.oldestDueAge) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* How many pods: {root, deployment, replicas, scaled, minReplicas}. What something else decides is written as it stands:
Helm takes away what a chart no longer says, and one pod would be left. A fresh install and `helm template` find no number. */ -}}
{{- define "ticketflow.replicas" -}}
{{- if not .scaled -}}
replicas: {{ .replicas }}
{{- else -}}
{{- with lookup "apps/v1" "Deployment" .root.Release.Namespace .deployment -}}
replicas: {{ max .spec.replicas $.minReplicas }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Labels as PromQL selects by them: a="b",c="d". */ -}}
{{- define "ticketflow.matchers" -}}
{{- $matchers := list -}}
{{- range $label, $value := . -}}
{{- $matchers = append $matchers (printf "%s=%q" $label $value) -}}
{{- end -}}
{{ join "," $matchers }}
{{- end }}

{{- /* A file of alerts: {root, path}. Each alternative of an expression stands on a line of its own, and two are left out
where they would call for nothing: the absence of a job that nobody reads, and fewer workers where they follow the load. */ -}}
{{- define "ticketflow.rules" -}}
{{- $text := .root.Files.Get .path | replace "docs/runbook.md" .root.Values.monitoring.rules.runbookUrl -}}
{{- if not .root.Values.broker.cluster.enabled -}}
{{- $text = regexReplaceAll `\n *or absent\(up\{job="rabbitmq"\}\).*` $text "" -}}
{{- end -}}
{{- if ne .root.Values.autoscaling.kind "none" -}}
{{- $text = regexReplaceAll `\n *or ticketflow:workers:max <.*` $text "" -}}
{{- end -}}
{{ $text }}
{{- end }}

{{- define "ticketflow.brokerSecret" -}}
{{ .Values.broker.cluster.enabled | ternary (printf "%s-broker-default-user" (include "ticketflow.fullname" .)) .Values.broker.secret }}
{{- end }}

{{- define "ticketflow.brokerKey" -}}
{{ .Values.broker.cluster.enabled | ternary "connection_string" .Values.broker.key }}
{{- end }}

{{- /* Variables of one part: {root, settings, broker}. Numbers as they were written: 1048576, never 1.048576e+06. */ -}}
{{- define "ticketflow.env" -}}
- name: TICKETFLOW_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .root.Values.database.secret }}, key: {{ .root.Values.database.key }}}}
{{- if .broker }}
- name: TICKETFLOW_BROKER_URL
  valueFrom: {secretKeyRef: {name: {{ include "ticketflow.brokerSecret" .root }}, key: {{ include "ticketflow.brokerKey" .root }}}}
{{- end }}
{{- range $name, $value := include "ticketflow.override" (list .root.Values.settings .settings) | fromJson }}
- name: {{ $name }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{- /* What every container of ours has in common: {root, settings, broker, resources}. */ -}}
{{- define "ticketflow.container" -}}
image: {{ include "ticketflow.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
env:
  {{- include "ticketflow.env" . | nindent 2 }}
{{- with .root.Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with .root.Values.pods.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* Labels and annotations of the pods of one part: {root, component, group}. */ -}}
{{- define "ticketflow.podMetadata" -}}
labels:
  {{- include "ticketflow.selectorLabels" .root | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .group }}
  ticketflow/group: {{ . }}
  {{- end }}
  {{- with .root.Values.pods.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.pods.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What every pod of ours has in common: {root, component, group, serviceAccountName}. */ -}}
{{- define "ticketflow.pod" -}}
{{- $pods := .root.Values.pods -}}
serviceAccountName: {{ .serviceAccountName | default (include "ticketflow.serviceAccountName" .root) }}
automountServiceAccountToken: false
enableServiceLinks: false
# The first process of a namespace is Kubernetes' own then: the kernel spares the first one SIGTERM until it has asked for
# it, and ours ask when they have begun, which a worker does not before it has found its database.
shareProcessNamespace: true
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if and $pods.spread (has .component (list "api" "worker")) }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "ticketflow.selectorLabels" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.component }}
        {{- with $.group }}
        ticketflow/group: {{ . }}
        {{- end }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
  {{- with $pods.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
