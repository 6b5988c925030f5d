"""deploy/kubernetes: what the manifests start, ask and name is what there is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from bot.__main__ import app
from bot.settings.settings import Settings
from tests.support.paths import ROOT

yaml = pytest.importorskip("yaml")
FOLDER = ROOT / "deploy" / "kubernetes"
REPLICAS = {"gateway": 2, "worker": 3}


def read_manifests() -> list[dict[str, Any]]:
    """Return the objects of all files that the kustomization names."""
    [kustomization] = yaml.safe_load_all((FOLDER / "kustomization.yaml").read_text("utf-8"))
    files = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    return [made for file in sorted(files) for made in yaml.safe_load_all((FOLDER / file).read_text("utf-8"))]


def find(kind: str, name: str) -> dict[str, Any]:
    [found] = [made for made in read_manifests() if (made["kind"], made["metadata"]["name"]) == (kind, name)]
    return found


def pod_of(role: str) -> dict[str, Any]:
    """Return the pod of a role's Deployment."""
    return dict(find("Deployment", f"moot-{role}")["spec"]["template"]["spec"])


def is_setting(variable: str) -> bool:
    """Return whether settings declare what a variable of the environment sets."""
    model: Any = Settings
    for part in variable.removeprefix("MOOT_").lower().split("__"):
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return False
        model = model.model_fields[part].annotation
    return True


@pytest.mark.parametrize("role", REPLICAS)
def test_a_role_is_started_by_a_command_that_there_is_and_set_by_settings_that_there_are(role: str) -> None:
    deployment = find("Deployment", f"moot-{role}")
    assert deployment["spec"]["replicas"] == REPLICAS[role]
    [container] = pod_of(role)["containers"]
    program, *words = container["command"]
    assert (program, words) == ("moot", ["run", "--role", role])
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    assert [one["name"] for one in container["env"] if not is_setting(one["name"])] == []
    assert not is_setting("MOOT_METRICS__NONE")
    assert {one["name"]: one["value"] for one in container["env"]}["MOOT_METRICS__HOST"] == "0.0.0.0"


@pytest.mark.parametrize("role", REPLICAS)
def test_probes_ask_pages_that_there_are_at_the_port_that_is_open(role: str) -> None:
    [container] = pod_of(role)["containers"]
    [port] = container["ports"]
    values = {one["name"]: one.get("value") for one in container["env"]}
    assert values["MOOT_METRICS__PORT"] == f"{port['containerPort']}"
    server = (ROOT / "bot" / "operations" / "server.py").read_text("utf-8")
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in asked.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert all(f'web.get("{probe["path"]}"' in server for probe in asked.values())
    assert {probe["port"] for probe in asked.values()} == {port["name"]}
    [served] = find("Service", "moot-metrics")["spec"]["ports"]
    assert (served["port"], served["targetPort"]) == (port["containerPort"], port["name"])


@pytest.mark.parametrize("role", REPLICAS)
def test_a_pod_is_confined_and_keeps_no_secret(role: str) -> None:
    pod = pod_of(role)
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert "--uid 10001 moot" in (ROOT / "Dockerfile").read_text("utf-8")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["envFrom"] == [{"secretRef": {"name": "moot"}}]
    assert not any("TOKEN" in one["name"] or "KEY" in one["name"] for one in container["env"])
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"data": "/data", "settings": "/data/moot.toml", "tmp": "/tmp"}
    assert {volume["name"] for volume in pod["volumes"]} == mounts.keys()


@pytest.mark.parametrize("role", REPLICAS)
def test_selectors_find_the_pods_and_a_deploy_has_time(role: str) -> None:
    deployment = find("Deployment", f"moot-{role}")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    budget = find("PodDisruptionBudget", f"moot-{role}")["spec"]["selector"]["matchLabels"]
    assert deployment["spec"]["selector"]["matchLabels"] == budget == labels
    assert find("Service", "moot-metrics")["spec"]["selector"].items() <= labels.items()
    grace_s = pod_of(role)["terminationGracePeriodSeconds"]
    assert grace_s > Settings.model_fields["restart"].get_default(call_default_factory=True).grace_s
