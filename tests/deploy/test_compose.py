"""compose.yaml is a compose file, and names what images, settings and commands really have."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis
import yaml
from compose_spec import PyCompose
from django.core.management import CommandError

from extdebug.streams.acl import PASSWORD, AclRole, Version, rules
from extdebug.wire.environment.setting import Environment
from extdebug.wire.keys import Keys
from extdebug.wire.redis_clients import client
from tests.deploy.commands import SIDES, check_command, problems_of
from tests.files import ROOT
from tests.fixtures.dockerfile import said
from tests.fixtures.programs import free_port, redis_program, wait_until

FILE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: Final[dict[str, Any]] = FILE["services"]
OURS: Final = [name for name, service in SERVICES.items() if "build" in service]
FOLDER: Final = ROOT / "deploy/compose"


def mounted(service: dict[str, Any]) -> list[str]:
    return [f"/run/secrets/{name}" for name in service.get("secrets", ())]


def test_it_is_a_compose_file_without_unknown_keys():
    """By the specification's own model; anchors are merged before, which it does not do."""
    PyCompose.from_json(json.dumps(FILE)).validate()
    broken = {**FILE, "services": {"a": {"image": "b", "read_onli": True}}}
    with pytest.raises(ValueError, match="read_onli"):
        PyCompose.from_json(json.dumps(broken))


@pytest.mark.parametrize("name", OURS)
def test_settings_and_commands_are_those_of_the_image(name: str):
    service = SERVICES[name]
    image = service["build"]["target"]
    assert service["image"].removeprefix("extension-debug-") == image
    check_command(service.get("command", []), image=image)
    assert problems_of(service["environment"], image=image, mounted=mounted(service)) == []


def test_what_is_wrong_would_be_seen():
    wrong = {"HTTPS_ONLY": "yess", "REDIS_URLS": "x", "SECRET_KEY_FILE": "/else", "SECRET_KEY": "x"}
    assert len(problems_of(wrong, image="console", mounted=[])) == 4
    with pytest.raises(CommandError, match="--lop"):
        check_command(["python", "manage.py", "janitor", "--lop", "60"], image="console")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    user = service.get("user") or said(service["build"]["target"], "USER")
    assert user.split(":")[0] not in ("", "0", "root")
    assert "/tmp" in service["tmpfs"]
    assert "healthcheck" in service, "one of its own, or said to have none"


def test_only_the_console_is_published_and_only_on_the_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    port = said("console", "EXPOSE")
    assert published == {"console": [f"127.0.0.1:{port}:{port}"]}
    assert FILE["networks"]["data"] == {"internal": True}
    outside = [name for name, service in SERVICES.items() if "outside" in service["networks"]]
    assert outside == ["console"]
    assert f":{port}/readyz" in SERVICES["console"]["healthcheck"]["test"][-1]


def test_every_secret_is_used_made_and_kept_out_of_the_repository(secrets: Path):
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    declared = {name: each["file"] for name, each in FILE["secrets"].items()}
    assert set(declared) == used
    assert {f"./deploy/compose/secrets.d/{file.name}" for file in secrets.iterdir()} == set(
        declared.values()
    )
    assert "/deploy/compose/secrets.d/" in (ROOT / ".gitignore").read_text().split()
    assert secrets.stat().st_mode & 0o777 == 0o700
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    assert len(set(before.values())) == len(before)
    subprocess.run([secrets.parent / "secrets"], check=True, capture_output=True)
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before


@pytest.mark.parametrize("name", OURS)
def test_what_the_secrets_hold_is_accepted(name: str, secrets: Path):
    environment = Environment(
        {
            key: value.replace("/run/secrets", str(secrets))
            for key, value in SERVICES[name]["environment"].items()
        }
    )
    for setting in SIDES[SERVICES[name]["build"]["target"]].values():
        environment.read(setting)
    assert environment.problems == []


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """What deploy/compose/secrets makes."""
    folder = tmp_path / "compose"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets.d"))
    subprocess.run([folder / "secrets"], check=True, capture_output=True)
    return folder / "secrets.d"


def acl(version: Version) -> list[str]:
    made = {
        role: rules(role, version=version, keys=Keys("ext-debug:"), layer_prefix="ext-debug-layer")
        for role in AclRole
    }
    return [" ".join(["user", role.value, *words]) for role, words in made.items()]


def test_the_users_of_redis_are_those_of_redis_acl():
    version = SERVICES["redis"]["image"].removeprefix("redis:").partition("-")[0]
    lines = (FOLDER / "redis-users.acl").read_text().splitlines()
    assert lines == acl(Version.parse(version)), (
        f"run: manage.py redis_acl --aclfile --server-version {version} > {FOLDER}/redis-users.acl"
    )


@pytest.fixture
def server(secrets: Path, tmp_path: Path) -> Iterator[int]:
    """Redis as the compose file starts it, with users in the words of the version that is here."""
    installed = subprocess.run(
        [redis_program(), "--version"], check=True, capture_output=True, text=True
    ).stdout.partition("v=")[2]
    users = secrets / "redis_users"
    hashes = {line.split()[1]: line.split()[4] for line in users.read_text().splitlines()[:-1]}
    text = "\n".join(
        line.replace(PASSWORD, hashes[line.split()[1]])
        for line in acl(Version.parse(installed.split()[0]))
        if line.split()[1] in hashes
    )
    users.chmod(0o600)
    users.write_text(f"{text}\nuser default off\n")
    port = free_port()
    words = [word.replace("/run/secrets", str(secrets)) for word in SERVICES["redis"]["command"]]
    process = subprocess.Popen(
        [redis_program(), *words[1:], "--port", str(port), "--bind", "127.0.0.1"],
        cwd=tmp_path, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    yield port
    process.terminate()
    process.wait(10)


@pytest.mark.redis
def test_redis_lets_each_role_in_and_nobody_else(server: int, secrets: Path):
    def well() -> bool:
        try:
            with client(f"redis://127.0.0.1:{server}/0", seconds=2) as nobody:
                nobody.ping()
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False
        raise AssertionError("whoever has no password is let in")

    wait_until(well, what="Redis")
    for role in ("console", "janitor", "purge", "runner"):
        url = (secrets / f"{role}_redis_url").read_text().strip()
        password = url.partition("@")[0].rpartition(":")[2]
        digest = hashlib.sha256(password.encode()).hexdigest()
        assert f"#{digest}" in (secrets / "redis_users").read_text()
        with client(url.replace("@redis:6379", f"@127.0.0.1:{server}"), seconds=2) as own:
            assert own.ping()
