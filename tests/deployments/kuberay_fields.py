"""The fields of KubeRay's custom resources, and a check of a document against them."""

import re
from collections.abc import Iterator
from typing import Any

# The fields of KubeRay 1.7.0's custom resources, from its API reference, and those of Kubernetes'
# own objects that the files use. `!`: required; `=`: one of these words; `[]`: a list; `-`: an
# existing field that is not described here; the check rejects it.
FIELDS = {
    "RayService": "apiVersion!:=ray.io/v1 kind!:=RayService metadata!:Metadata "
    "spec!:RayServiceSpec",
    "RayServiceSpec": "rayClusterDeletionDelaySeconds:int serviceUnhealthySecondThreshold:- "
    "deploymentUnhealthySecondThreshold:- serveService:- upgradeStrategy:RayServiceUpgradeStrategy "
    "managedBy:- serveConfigV2:str rayClusterConfig:RayClusterSpec excludeHeadPodFromServeSvc:bool "
    "suspend:bool",
    "RayServiceUpgradeStrategy": "type:=NewCluster|NewClusterWithIncrementalUpgrade|None "
    "clusterUpgradeOptions:-",
    "RayJob": "apiVersion!:=ray.io/v1 kind!:=RayJob metadata!:Metadata spec!:RayJobSpec",
    "RayJobSpec": "activeDeadlineSeconds:int backoffLimit:int rayClusterSpec:RayClusterSpec "
    "submitterPodTemplate:- metadata:map clusterSelector:map submitterConfig:- managedBy:- "
    "deletionStrategy:- entrypoint:str runtimeEnvYAML:str jobId:str "
    "submissionMode:=K8sJobMode|HTTPMode|InteractiveMode|SidecarMode entrypointResources:str "
    "entrypointNumCpus:float entrypointNumGpus:float ttlSecondsAfterFinished:int "
    "preRunningDeadlineSeconds:int shutdownAfterJobFinishes:bool suspend:bool",
    "RayClusterSpec": "upgradeStrategy:- authOptions:AuthOptions suspend:bool managedBy:- "
    "autoscalerOptions:AutoscalerOptions headServiceAnnotations:map enableInTreeAutoscaling:bool "
    "gcsFaultToleranceOptions:GcsFaultToleranceOptions historyServerOptions:- networkPolicy:- "
    "tlsOptions:- headGroupSpec!:HeadGroupSpec rayVersion:str workerGroupSpecs:[WorkerGroupSpec]",
    "AuthOptions": "enableK8sTokenAuth:bool secretName:str mode:=disabled|token",
    "AutoscalerOptions": "resources:ResourceRequirements image:str imagePullPolicy:str "
    "securityContext:SecurityContext idleTimeoutSeconds:int "
    "upscalingMode:=Default|Aggressive|Conservative version:=v1|v2 env:[EnvVar] envFrom:- "
    "volumeMounts:- command:[str] args:[str]",
    "GcsFaultToleranceOptions": "backend:=redis|rocksdb redisUsername:RedisCredential "
    "redisPassword:RedisCredential externalStorageNamespace:str redisAddress:str storage:-",
    "RedisCredential": "valueFrom:EnvVarSource value:str",
    "HeadGroupSpec": "template!:PodTemplateSpec headService:- enableIngress:bool ingressOptions:- "
    "resources:map labels:map rayStartParams:map serviceType:str",
    "WorkerGroupSpec": "suspend:bool groupName!:str replicas:int minReplicas!:int maxReplicas!:int "
    "idleTimeoutSeconds:int priority:int resources:map labels:map rayStartParams:map "
    "template!:PodTemplateSpec scaleStrategy:- numOfHosts:int",
    # Objects of Kubernetes
    "Metadata": "name:str generateName:str namespace:str labels:map annotations:map",
    "PodTemplateSpec": "metadata:Metadata spec!:PodSpec",
    "PodSpec": "containers!:[Container] serviceAccountName:str automountServiceAccountToken:bool "
    "securityContext:PodSecurityContext nodeSelector:map tolerations:[Toleration] "
    "topologySpreadConstraints:[TopologySpreadConstraint] terminationGracePeriodSeconds:int",
    "Container": "name!:str image:str securityContext:SecurityContext env:[EnvVar] "
    "ports:[ContainerPort] resources:ResourceRequirements readinessProbe:Probe "
    "livenessProbe:Probe",
    "ContainerPort": "name:str containerPort!:int",
    "EnvVar": "name!:str value:str valueFrom:EnvVarSource",
    "EnvVarSource": "secretKeyRef:SecretKeySelector",
    "SecretKeySelector": "name:str key!:str optional:bool",
    "Probe": "httpGet:HTTPGetAction initialDelaySeconds:int periodSeconds:int timeoutSeconds:int "
    "failureThreshold:int successThreshold:int",
    "HTTPGetAction": "path:str port!:port",
    "ResourceRequirements": "requests:quantities limits:quantities",
    "PodSecurityContext": "runAsNonRoot:bool runAsUser:int runAsGroup:int fsGroup:int "
    "seccompProfile:SeccompProfile",
    "SeccompProfile": "type!:=RuntimeDefault|Localhost|Unconfined",
    "SecurityContext": "allowPrivilegeEscalation:bool capabilities:Capabilities "
    "readOnlyRootFilesystem:bool",
    "Capabilities": "add:[str] drop:[str]",
    "Toleration": "key:str operator:=Exists|Equal value:str "
    "effect:=NoSchedule|PreferNoSchedule|NoExecute",
    "TopologySpreadConstraint": "topologyKey!:str maxSkew!:int "
    "whenUnsatisfiable!:=DoNotSchedule|ScheduleAnyway nodeTaintsPolicy:=Honor|Ignore "
    "labelSelector:LabelSelector matchLabelKeys:[str]",
    "LabelSelector": "matchLabels:map",
    "PodDisruptionBudget": "apiVersion!:=policy/v1 kind!:=PodDisruptionBudget metadata!:Metadata "
    "spec!:PodDisruptionBudgetSpec",
    "PodDisruptionBudgetSpec": "minAvailable:port maxUnavailable:port selector:LabelSelector",
}
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "port": (int, str),
}
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[KMGT]i?)?")


def problems(kind: str, value: Any, place: str) -> Iterator[str]:
    """The values that a Kubernetes API server would reject or ignore."""
    if kind[0] == "=":
        if value not in kind[1:].split("|"):
            yield f"{place}: {value!r} is not {kind[1:]}"
    elif kind in TYPES:
        if type(value) not in TYPES[kind]:
            yield f"{place}: {value!r} is not {kind}"
    elif kind[0] == "[":
        for index, item in enumerate(value):
            yield from problems(kind[1:-1], item, f"{place}[{index}]")
    elif kind == "map":
        for key, item in value.items():
            yield from problems("str", item, f"{place}.{key}")
    elif kind == "quantities":
        for key, item in value.items():
            if not QUANTITY.fullmatch(str(item)):
                yield f"{place}.{key}: {item!r} is not a quantity"
    elif kind == "-":
        yield f"{place}: not described in the test"
    else:
        fields = dict(field.split(":", 1) for field in FIELDS[kind].split())
        known = {name.rstrip("!"): kind for name, kind in fields.items()}
        for key in {name[:-1] for name in fields if name[-1] == "!"} - value.keys():
            yield f"{place}.{key}: missing"
        for key, item in value.items():
            if key in known:
                yield from problems(known[key], item, f"{place}.{key}")
            else:
                yield f"{place}.{key}: unknown field of {kind}"
