"""The settings of traces, declared and read together: where they go, or that there are none."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from audit.tracing.settings import TraceSettings
from extdebug.wire.environment.kinds import Decimal, File, Listing, Text, Url
from extdebug.wire.environment.setting import Environment, Setting

# Named as OpenTelemetry names them everywhere.
ENDPOINT: Final = Setting(
    name="OTEL_EXPORTER_OTLP_ENDPOINT",
    kind=Url(("http", "https"), "http://collector.example:4318", path=r"[^?#]*"), default="",
    default_words="none: no traces",
    meaning="where [traces](operations.md#traces) go by OTLP over HTTP, without `/v1/traces`",
)  # fmt: skip
HEADERS: Final = Setting[tuple[str, ...]](
    name="OTEL_EXPORTER_OTLP_HEADERS", default=(), secret=True,
    # No character that ends a header, percent-encoded or not.
    kind=Listing(Text(
        "headers such as api-key=VALUE, with special characters as %XX",
        r"[A-Za-z0-9-]+=([\x21-\x24\x26-\x2b\x2d-\x7e]|%[2-7][0-9a-eA-E]|%[2-6][fF])+",
    )),
    meaning="sent with them, for a receiver that wants to know who sends",
)  # fmt: skip
CERTIFICATE: Final = Setting[Path | None](
    name="OTEL_EXPORTER_OTLP_CERTIFICATE", kind=File(), default=None,
    default_words="the usual authorities",
    meaning="the authority that the receiver's certificate comes from",
)  # fmt: skip
RATIO: Final = Setting(
    name="OTEL_TRACES_SAMPLER_ARG", kind=Decimal(0.0, 1.0), default=1.0,
    meaning="the part of the sessions and acts that is traced, where the caller has not decided it",
)  # fmt: skip
SERVICE: Final = Setting(
    name="OTEL_SERVICE_NAME",
    kind=Text("1 to 100 letters, digits and . _ -", r"[A-Za-z0-9._-]{1,100}"),
    default="ext-debug-console", meaning="what these consoles are called in traces",
)  # fmt: skip

DECLARED: Final[tuple[Setting[Any], ...]] = (ENDPOINT, HEADERS, CERTIFICATE, RATIO, SERVICE)


def traces(environment: Environment) -> TraceSettings | None:
    """What the environment says, None where traces are off; what does not do becomes a problem."""
    endpoint = environment.read(ENDPOINT)
    headers = environment.read(HEADERS)
    settings = TraceSettings(
        endpoint,
        ratio=environment.read(RATIO),
        service=environment.read(SERVICE),
        headers=dict(_header(each) for each in headers),
        certificate=environment.read(CERTIFICATE),
    )
    if endpoint:
        if not _installed():
            text = "the packages of the extra [otel] beside it, got an environment without them"
            _problem(environment, ENDPOINT, text)
        return settings
    if headers:
        text = "a value, because OTEL_EXPORTER_OTLP_HEADERS is set, got none"
        _problem(environment, ENDPOINT, text)
    return None


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even the packages around it
        return False


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, unquote(value)


def _problem(environment: Environment, setting: Setting[Any], text: str) -> None:
    """Unless something is wrong with it already."""
    if not any(each.startswith(f"{setting.name}:") for each in environment.problems):
        environment.problems.append(f"{setting.name}: expected {text}")
