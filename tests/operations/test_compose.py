"""deploy/compose.yaml: what each profile starts, and a council that is asked on the one that needs no keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.models import embedded
from bot.settings.settings import Settings
from tests.support.compose import list_services, open_services, read_compose
from tests.support.operators_port import find_free_port
from tests.support.paths import ROOT
from tests.support.postgres import make_database

BRIEF = """
import dataclasses
import bot.models.embedded as embedded
find = embedded.panel_models
embedded.panel_models = lambda *given: [dataclasses.replace(model, max_tokens=40) for model in find(*given)]
"""
PROFILES = {
    "single": {"moot": 1},
    "cluster": {"gateway": 2, "worker": 3, "postgres": 1},
    "keyless": {"discord": 1, "keyless-gateway": 1, "keyless-worker": 1, "person": 1, "postgres": 1},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_starts_its_services(profile: str) -> None:
    services = list_services(profile)
    assert {name: s.get("deploy", {}).get("replicas", 1) for name, s in services.items()} == PROFILES[profile]


@pytest.mark.parametrize("name", [name for services in PROFILES.values() for name in services if name != "postgres"])
def test_a_service_is_confined_and_is_one_of_the_image(name: str) -> None:
    service = read_compose()["services"][name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    stages = [line.split()[-1] for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if " AS " in line]
    assert service["build"]["target"] in stages
    keys = {key.removeprefix("MOOT_").lower().split("__")[0] for key in service.get("environment", {})}
    assert keys <= Settings.model_fields.keys()
    command, *words = service.get("command", ["moot", "run"])
    if command == "moot":
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def test_services_wait_for_what_they_need_and_ports_are_open_inside_alone() -> None:
    services = read_compose()["services"]
    for service in services.values():
        assert "ports" not in service
        for needed in service.get("depends_on", {}):
            assert set(service["profiles"]) <= set(services[needed]["profiles"])


@pytest.mark.timeout(600)
async def test_a_council_is_asked_without_any_key(tmp_path: Path) -> None:
    """Every service of the profile runs as its file says, on the PostgreSQL of the tests; the model is to be brief."""
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    services = list_services("keyless")
    del services["postgres"]
    (tmp_path / "sitecustomize.py").write_text(BRIEF, "utf-8")
    given = {"HOME": f"{tmp_path}", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with make_database() as url:
        moved = {"postgresql://moot:moot@postgres/moot": url, "8010": f"{find_free_port()}"}
        async with open_services(tmp_path, moved) as running:
            for name, service in services.items():
                await running.start(name, service, MOOT_METRICS__PORT=f"{find_free_port()}", **given)
            said, _ = await running.processes["person"].communicate()
            assert running.processes["person"].returncode == 0
            ended = {name: process.returncode for name, process in running.processes.items() if name != "person"}
            assert set(ended.values()) == {None}
    told = said.decode()
    assert "Tea or coffee?" in told
    assert "**Result**" in told
