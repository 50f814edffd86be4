"""Writes what an image is made of as CycloneDX JSON: each pinned package with the file pip takes.

    python deploy/sbom.py console,otel >console.cdx.json
    python deploy/sbom.py runner --no-index --find-links wheels >runner.cdx.json

The list is that of pyproject.toml, direct and transitive packages alike, as its markers hold on
this Python; nothing else gets in, and a package whose file has no SHA-256 fails. So run it on the
system and Python of the image: files differ between them. Further arguments are pip's. It needs the
extra `sbom`. It carries no date: the same files give the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cyclonedx.model import HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]


class BadList(Exception):
    """What pip would install is not what is pinned. The message says where they differ."""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A distribution and the SHA-256 of the file that is installed."""

    name: str
    version: str
    sha256: str


def pins(project: dict[str, Any], extras: Iterable[str]) -> dict[str, Requirement]:
    """By name, what these extras of the project pin on this Python."""
    texts = list(project["dependencies"])
    for extra in extras:
        if extra not in project["optional-dependencies"]:
            raise BadList(f"expected extras of pyproject.toml, got {extra!r}")
        texts += project["optional-dependencies"][extra]
    found: dict[str, Requirement] = {}
    for requirement in map(Requirement, texts):
        name = canonicalize_name(requirement.name)
        if name == canonicalize_name(project["name"]):
            found |= pins(project, requirement.extras)
        elif requirement.marker is None or requirement.marker.evaluate():
            found[name] = requirement
    return found


def chosen(report: dict[str, Any], wanted: dict[str, Requirement]) -> list[Package]:
    """What pip's report says it would install, which must be what is wanted. BadList."""
    packages = []
    for each in report["install"]:
        name, version = canonicalize_name(each["metadata"]["name"]), each["metadata"]["version"]
        sha256 = each["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", "")
        if name not in wanted or not wanted[name].specifier.contains(version, prereleases=True):
            raise BadList(f"{name} {version} is not pinned")
        if not sha256:
            raise BadList(f"nothing says the SHA-256 of {name} {version}")
        packages.append(Package(name, version, sha256))
    missing = sorted(wanted.keys() - {package.name for package in packages})
    if missing:
        raise BadList(f"pip found no file for {', '.join(missing)}")
    return sorted(packages)


def document(project: dict[str, Any], packages: Sequence[Package]) -> str:
    """CycloneDX 1.6 as JSON."""
    root = Component(
        type=ComponentType.APPLICATION, name=project["name"], version=project["version"],
        bom_ref=project["name"],
    )  # fmt: skip
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, repr((project["name"], packages))))
    bom.metadata.component = root
    bom.metadata.timestamp = None  # type: ignore[assignment] # the setter takes it, and dates nothing
    components = [_component(package) for package in packages]
    for component in components:
        bom.components.add(component)
        bom.register_dependency(component)
    bom.register_dependency(root, components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _component(package: Package) -> Component:
    url = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        type=ComponentType.LIBRARY, name=package.name, version=package.version, purl=url,
        bom_ref=str(url), hashes=[HashType.from_composite_str(f"sha256:{package.sha256}")],
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """The program; its exit status."""
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    try:
        wanted = pins(project, arguments[0].split(","))
        asked = [f"{each.name}{each.specifier}" for each in wanted.values()]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
             "--no-deps", "--only-binary=:all:", *arguments[1:], "--report", "-", *asked],
            stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode:
            return done.returncode
        packages = chosen(json.loads(done.stdout), wanted)
    except BadList as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{document(project, packages)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
