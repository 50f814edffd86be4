"""The manifests are valid, and name what images, settings and commands really have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import httpx
import kubernetes_validate
import pytest
import yaml
from django.urls import resolve

from extdebug.runner.config import PublisherConfig, load
from extdebug.runner.http.server import RunnerServer
from extdebug.runner.publish.publisher import Publisher
from tests.deploy.commands import check_command, problems_of
from tests.extdebug.ops.test_metrics import everything, labels_of
from tests.files import ROOT
from tests.fixtures.dockerfile import said

FOLDER: Final = ROOT / "deploy/kubernetes"
KUSTOMIZATION: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: Final[list[dict[str, Any]]] = [
    found
    for name in KUSTOMIZATION["resources"]
    for found in yaml.safe_load_all((FOLDER / name).read_text())
]
OLDEST: Final = "1.30"  # preStop sleep needs it
ADDRESS: Final = "10.0.0.9"  # of a pod


def of(kind: str) -> list[dict[str, Any]]:
    return [found for found in OBJECTS if found["kind"] == kind]


def named(found: Mapping[str, Any]) -> str:
    return f"{found['kind']}/{found['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Pod:
    """What a Deployment, Job or CronJob makes."""

    name: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """As a container gets it: ConfigMaps, then its own."""
        maps = {found["metadata"]["name"]: found["data"] for found in of("ConfigMap")}
        made: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            made |= maps[source["configMapRef"]["name"]]
        for each in container.get("env", ()):
            if "value" in each:
                made[each["name"]] = each["value"].replace("$(POD_IP)", ADDRESS)
        return made

    def secrets(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Where each Secret is mounted."""
        volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        return {
            mount["mountPath"]: volumes[mount["name"]]["secret"]["secretName"]
            for mount in container["volumeMounts"]
            if "secret" in volumes[mount["name"]]
        }


def pods() -> Iterator[Pod]:
    for found in OBJECTS:
        spec = found.get("spec", {})
        if found["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            template = spec["template"]
            yield Pod(named(found), template["metadata"]["labels"], template["spec"])


PODS: Final = {pod.name: pod for pod in pods()}
CONTAINERS: Final = [
    pytest.param(pod, container, id=f"{pod.name}/{container['name']}")
    for pod in PODS.values()
    for container in pod.containers
]


def image_of(container: Mapping[str, Any]) -> str:
    return str(container["image"]).removeprefix("extension-debug-")


@pytest.mark.parametrize("found", OBJECTS, ids=named)
def test_an_object_is_valid_in_the_oldest_and_the_newest_version(found: dict[str, Any]):
    """By the API's own schemas; unknown fields are refused."""
    for version in (OLDEST, kubernetes_validate.latest_version()):
        kubernetes_validate.validate(found, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**found, "metadate": {}}, OLDEST, strict=True)


def test_every_file_is_applied_and_every_image_named():
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {each["newTag"] for each in KUSTOMIZATION["images"]} == {project["version"]}
    used = {container["image"] for pod in PODS.values() for container in pod.containers}
    assert {each["name"] for each in KUSTOMIZATION["images"]} == used


@pytest.mark.parametrize(("pod", "container"), CONTAINERS)
def test_settings_and_command_are_those_of_the_image(pod: Pod, container: dict[str, Any]):
    variables = pod.environment(container)
    secrets = pod.secrets(container)
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    files = [value for value in variables.values() if str(Path(value).parent) in secrets]
    image = image_of(container)
    assert problems_of(variables, image=image, mounted=[*mounted, *files]) == []
    check_command(container.get("command", []), image=image)
    page = (ROOT / "docs/deployment.md").read_text()
    for file in files:
        assert f"secret generic {secrets[str(Path(file).parent)]} " in page
        assert f"--from-file={Path(file).name}" in page
    unused = set(secrets) - {str(Path(file).parent) for file in files}
    assert not unused, "a secret that nothing reads"


@pytest.mark.parametrize(("pod", "container"), CONTAINERS)
def test_every_container_is_hardened(pod: Pod, container: dict[str, Any]):
    user = int(said(image_of(container), "USER"))
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": user, "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert "memory" in container["resources"]["limits"]
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


@pytest.mark.parametrize("name", ["console", "runner"])
async def test_probes_and_ports_are_those_of_the_program(name: str):
    (container,) = PODS[f"Deployment/ext-debug-{name}"].containers
    (port,) = container["ports"]
    assert str(port["containerPort"]) == said(name, "EXPOSE")
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness")}
    assert container["startupProbe"]["httpGet"] == probes["liveness"]
    assert probes == {
        "liveness": {"path": "/healthz", "port": port["name"]},
        "readiness": {"path": "/readyz", "port": port["name"]},
    }
    (service,) = [one for one in of("Service") if one["metadata"]["name"] == f"ext-debug-{name}"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    for probe in probes.values():
        if name == "console":
            assert resolve(probe["path"]).func.__name__ == probe["path"].strip("/")
        else:
            assert await runner_answers(probe["path"]) == 200


async def runner_answers(path: str) -> int:
    publisher = Publisher(PublisherConfig(mirror=False))
    host: Any = SimpleNamespace(components=None)
    config = load({"RUNNER_AUTH_TOKEN": "a-token-that-probes-do-not-have"})
    try:
        application: Any = RunnerServer(config, host, publisher)
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://runner") as asked:
            return (await asked.get(path)).status_code
    finally:
        publisher.close(0)


def test_the_pods_address_is_allowed_as_a_host():
    """Kubelet and Prometheus ask by it."""
    pod = PODS["Deployment/ext-debug-console"]
    assert ADDRESS in pod.environment(pod.containers[0])["ALLOWED_HOSTS"].split(",")


def selected(selector: Mapping[str, Any]) -> set[str]:
    wanted = selector.get("matchLabels", selector).items()
    return {name for name, pod in PODS.items() if wanted <= pod.labels.items()}


@pytest.mark.parametrize(
    "found",
    [one for one in OBJECTS if one["kind"] in ("Deployment", "Service", "PodDisruptionBudget")],
    ids=named,
)
def test_a_selector_finds_its_own_pods_alone(found: dict[str, Any]):
    name = found["metadata"]["name"]
    assert selected(found["spec"]["selector"]) == {f"Deployment/{name}"}


def test_every_pod_is_closed_and_opened_only_where_it_listens():
    policies = {one["metadata"]["name"]: one["spec"] for one in of("NetworkPolicy")}
    closed = policies.pop("ext-debug-nothing-else")
    assert selected(closed["podSelector"]) == set(PODS)
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    for name, policy in policies.items():
        (pod,) = selected(policy["podSelector"])
        assert pod.partition("/")[2] == name
        listening = {
            port["containerPort"]
            for container in PODS[pod].containers
            for port in container.get("ports", ())
        }
        rules = policy.get("ingress", ())
        assert {port["port"] for rule in rules for port in rule["ports"]} == listening
        assert all(rule["from"] for rule in rules), "from anywhere"
        assert all(rule["to"] and rule["ports"] for rule in policy["egress"])
    assert {pod.partition("/")[2] for pod in PODS} == set(policies)


def test_consoles_are_counted_by_a_metric_that_they_export():
    (scaler,) = of("HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    assert f"{target['kind']}/{target['name']}" in PODS
    (metric,) = [one["pods"] for one in scaler["spec"]["metrics"] if one["type"] == "Pods"]
    assert metric["metric"]["name"] in labels_of(everything())
    (deployment,) = [one for one in of("Deployment") if named(one).endswith("console")]
    assert "replicas" not in deployment["spec"], "or each apply undoes what the scaler did"


def test_nobody_is_sent_to_a_console_that_tells_its_watchers_to_leave():
    spec = PODS["Deployment/ext-debug-console"].spec
    told = 8  # seconds, at most: extdebug/sessions/shutdown.py
    wait = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert wait > 0
    assert spec["terminationGracePeriodSeconds"] > wait + told


def test_these_settings_start_a_console_in_production(tmp_path: Path):
    pod = PODS["Deployment/ext-debug-console"]
    values = {
        "DATABASE_URL": "postgres://debug_console:p@db/console",
        "REDIS_URL": "rediss://ext-debug-console:p@redis/0",
        "EXT_DEBUG_PURGE_REDIS_URL": "rediss://ext-debug-purge:p@redis/0",
        "EMAIL_URL": "smtp+tls://u:p@mail.example:587",
        "AUDIT_SIGNING_KEY": "0123456789abcdef" * 4,
    }
    variables = pod.environment(pod.containers[0])
    for name, path in variables.items():
        if name.endswith("_FILE"):
            file = tmp_path / Path(path).name
            file.write_text(values.get(file.name, f"{file.name}-Q7v-3kd9_xLm2PzR8tYw4nBc6sJf1hGa"))
            variables[name] = str(file)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check"], cwd=ROOT, text=True,
        env={"PATH": os.environ["PATH"], **variables}, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Where checkpoints go is another's machine: docs/audit.md.
    assert re.findall(r"\((\w+\.\w+)\)", done.stderr) == ["console.W503"], done.stderr
