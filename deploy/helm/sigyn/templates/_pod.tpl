{{/* The pod of one component. Arguments: root, component, values. */}}
{{- define "sigyn.pod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
metadata:
  labels:
    {{- include "sigyn.labels" . | nindent 4 }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of the configuration restarts the pods.
    checksum/config: {{ toYaml $root.Values.config | sha256sum }}
    {{- with merge (dict) $root.Values.podAnnotations $root.Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "sigyn.serviceAccountName" $root }}
  automountServiceAccountToken: {{ $root.Values.serviceAccount.automountServiceAccountToken }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if $values.topologySpreadConstraints }}
    {{- toYaml $values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "sigyn.selector" $ | nindent 10 }}
    {{- end }}
    {{- end }}
  containers:
    - name: sigyn
      image: {{ include "sigyn.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - -config.file=/etc/sigyn/config.yaml
        {{- if ne .component "single" }}
        - -target={{ .component }}
        {{- end }}
        - -cluster.advertise-address=$(POD_IP):{{ include "sigyn.port" $root }}
        {{- range concat $root.Values.extraArgs $values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      env:
        - name: POD_IP
          valueFrom:
            fieldRef: { fieldPath: status.podIP }
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ include "sigyn.port" $root }}
      # Ready says that the storage was reached. A bucket that is away later must not restart pods, so liveness asks for the port alone.
      startupProbe:
        httpGet: { path: /ready, port: http }
        periodSeconds: 2
        failureThreshold: 90
      readinessProbe:
        httpGet: { path: /ready, port: http }
        periodSeconds: 5
        timeoutSeconds: 2
      livenessProbe:
        tcpSocket: { port: http }
        periodSeconds: 20
        failureThreshold: 3
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - { name: config, mountPath: /etc/sigyn, readOnly: true }
        - { name: data, mountPath: /var/lib/sigyn }
        - { name: tmp, mountPath: /tmp }
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: { name: {{ include "sigyn.fullname" $root }} }
    - name: tmp
      emptyDir: {}
    {{- if not (and (eq .component "single") (include "sigyn.needsVolume" $root)) }}
    # Nothing but caches is kept here.
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
