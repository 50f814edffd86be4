"""Traces are off, or whole: an address with packages that can send to it."""

from typing import Any

import pytest

from config import traces as module
from config.traces import traces
from extdebug.wire.environment.setting import Environment

WHERE = "http://collector.example:4318"


def read(**variables: str) -> tuple[Any, list[str]]:
    environment = Environment(variables)
    return traces(environment), environment.problems


def test_without_an_address_there_are_none():
    assert read() == (None, [])
    assert read(OTEL_TRACES_SAMPLER_ARG="0.5", OTEL_SERVICE_NAME="consoles") == (None, [])


def test_what_is_set_is_what_is_used():
    settings, problems = read(
        OTEL_EXPORTER_OTLP_ENDPOINT=WHERE,
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Basic%20YTpi, x-tenant=a=b",
        OTEL_TRACES_SAMPLER_ARG="0.25",
        OTEL_SERVICE_NAME="consoles",
    )
    assert problems == []
    assert (settings.endpoint, settings.ratio, settings.service) == (WHERE, 0.25, "consoles")
    assert settings.headers == {"Authorization": "Basic YTpi", "x-tenant": "a=b"}


def test_a_secret_for_nobody_is_refused():
    settings, (line,) = read(OTEL_EXPORTER_OTLP_HEADERS="api-key=s3cret")
    assert settings is None
    assert line.startswith("OTEL_EXPORTER_OTLP_ENDPOINT: expected a value, because OTEL_EXPORTER_")
    assert "s3cret" not in line


@pytest.mark.parametrize("text", ["api-kei", "=x", "a b=c", "a=x%0Ab: y", "a=%zz", "a=ü"])
def test_what_is_no_header_is_refused_without_being_shown(text: str):
    _, (line, *_) = read(OTEL_EXPORTER_OTLP_ENDPOINT=WHERE, OTEL_EXPORTER_OTLP_HEADERS=text)
    assert line.startswith("OTEL_EXPORTER_OTLP_HEADERS: expected headers such as")
    assert text not in line


@pytest.mark.parametrize("absent", [None, ModuleNotFoundError("opentelemetry")])
def test_without_the_packages_of_the_extra_the_console_does_not_start(
    absent: Exception | None, monkeypatch: pytest.MonkeyPatch
):
    def find(name: str) -> None:
        if absent is not None:
            raise absent

    monkeypatch.setattr(module, "find_spec", find)
    _, (line,) = read(OTEL_EXPORTER_OTLP_ENDPOINT=WHERE)
    assert line.startswith("OTEL_EXPORTER_OTLP_ENDPOINT: expected the packages of the extra [otel]")
