"""The list of an image's parts: valid, complete, with a hash for each, and nothing beside it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.sbom import BadList, chosen, main, pins
from tests.files import ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def wheel(folder: Path, name: str, version: str) -> str:
    """An installable file that holds nothing; its SHA-256."""
    place = name.replace("-", "_").replace(".", "_")
    path = folder / f"{place}-{version}-py3-none-any.whl"
    info = f"{place}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pinned(*extras: str) -> dict[str, str]:
    """Name -> version, read apart from the program."""
    texts = [*PROJECT["dependencies"]]
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    parsed = [Requirement(text) for text in texts]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in parsed
        if one.marker is None or one.marker.evaluate()
    }


def listed(extras: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "deploy/sbom.py", extras, "--no-index", "--find-links", str(folder)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("extras", [("console",), ("console", "otel"), ("runner",)])
def test_each_pinned_package_is_in_it_with_its_hash_and_nothing_else(
    extras: tuple[str, ...], tmp_path: Path
):
    wanted = pinned(*extras)
    hashes = {name: wheel(tmp_path, name, version) for name, version in wanted.items()}
    wheel(tmp_path, "somebody-elses", "1.0")

    text = listed(",".join(extras), tmp_path)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert {
        each["name"]: (each["version"], each["purl"], each["hashes"])
        for each in document["components"]
    } == {
        name: (version, f"pkg:pypi/{name}@{version}", [{"alg": "SHA-256", "content": hashes[name]}])
        for name, version in wanted.items()
    }
    assert len(document["components"]) == len(wanted)
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == (PROJECT["name"], PROJECT["version"])
    (needs,) = [
        one["dependsOn"] for one in document["dependencies"] if one["ref"] == root["bom-ref"]
    ]
    assert len(needs) == len(wanted)
    assert str(tmp_path) not in text, "where a file came from is nobody's business"
    assert listed(",".join(extras), tmp_path) == text


def test_an_extra_of_others_is_the_sum_of_them():
    assert pins(PROJECT, ["demo"]).keys() >= pins(PROJECT, ["console", "runner"]).keys()
    assert canonicalize_name(PROJECT["name"]) not in pins(PROJECT, ["demo"])


def report(**changed: Any) -> dict[str, Any]:
    each = {
        "metadata": {"name": "One", "version": "1.0"},
        "download_info": {"archive_info": {"hashes": {"sha256": "a" * 64}}},
    }
    return {"install": [{**each, **changed}]}


ONE: Final = {"one": Requirement("one==1.0")}


@pytest.mark.parametrize(
    ("said", "wanted", "problem"),
    [
        (report(metadata={"name": "two", "version": "1.0"}), ONE, "two 1.0 is not pinned"),
        (report(metadata={"name": "one", "version": "1.1"}), ONE, "one 1.1 is not pinned"),
        (report(download_info={"archive_info": {}}), ONE, "nothing says the SHA-256 of one"),
        (report(download_info={"dir_info": {}}), ONE, "nothing says the SHA-256 of one"),
        (report(), {**ONE, "two": Requirement("two==1")}, "no file for two"),
    ],
)
def test_what_is_not_as_pinned_is_no_list(
    said: dict[str, Any], wanted: dict[str, Requirement], problem: str
):
    with pytest.raises(BadList, match=problem):
        chosen(said, wanted)


def test_the_program_says_what_it_wants(capsys: pytest.CaptureFixture[str]):
    assert main([]) == main(["--help"]) == 2
    assert main(["nonsense"]) == 1
    assert "expected extras of pyproject.toml, got 'nonsense'" in capsys.readouterr().err
