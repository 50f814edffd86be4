"""Alerts, dashboard and the page about metrics name what console and runner really export."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest
import yaml

from extdebug.runner.config import PublisherConfig
from extdebug.runner.http.metrics import render
from extdebug.runner.publish.publisher import Publisher
from tests.extdebug.ops.test_metrics import everything, labels_of
from tests.files import ROOT
from tests.fixtures.runner import NoRedaction

ALERTS: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docs/ops/alerts.yml").read_text())
BOARD: Final[dict[str, Any]] = json.loads((ROOT / "docs/ops/grafana-dashboard.json").read_text())
RULES: Final = [rule for group in ALERTS["groups"] for rule in group["rules"]]
METRIC: Final = re.compile(r"\b(?:ext_debug|runner)_[a-z_]+\b")
SCRAPED: Final = {"instance", "job"}  # Prometheus adds them


def runner_text() -> str:
    """What a runner with Redis, a host and a watched stream exports."""
    config = PublisherConfig(redis_url="redis://127.0.0.1:1/0", mirror=False)
    publisher = Publisher(config, redaction=NoRedaction())
    host: Any = SimpleNamespace(executions=1, failures={"trap": 1})
    sessions: Any = []
    try:
        return render(publisher, host=host, sessions=sessions, running=0).decode()
    finally:
        publisher.close(0)


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Each metric that console or runner export, with its labels."""
    return labels_of(everything()) | labels_of(runner_text())


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in BOARD["panels"] if panel["type"] != "row")


EXPRESSIONS: Final = [(rule["alert"], rule["expr"]) for rule in RULES] + [
    (panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]
]


@pytest.mark.parametrize(
    ("title", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS]
)
def test_an_expression_asks_for_what_is_exported(
    title: str, expression: str, exported: dict[str, set[str]]
):
    names = METRIC.findall(expression)
    assert names
    for name in names:
        assert name in exported, name
    known = SCRAPED.union(*(exported[name] for name in names))
    for name, matchers in re.findall(r"\b((?:ext_debug|runner)_[a-z_]+){([^}]*)}", expression):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            assert label in exported[name] | SCRAPED, f"{name} has no label {label}"
    for listed in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        assert {label.strip() for label in listed.split(",") if label.strip()} <= known
    for name in re.findall(r"(?:rate|increase)\((\w+)", expression):
        assert name.endswith("_total"), f"{name} is no counter"
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_whole(rule: dict[str, Any]):
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"ExtDebug[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert rule["annotations"]["summary"]
    said = " ".join(rule["annotations"].values())
    labels = set(re.findall(r"\$labels\.(\w+)", said))
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    if "by (" in rule["expr"]:
        assert labels <= kept, "an aggregated label is gone"


def test_rules_have_names_of_their_own():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "cause",
    ["RetentionLoss", "StreamDown", "Lag", "Backlog", "RunnerDrops", "SlowWatchers",
     "JanitorSilent", "ProcessSilent", "FailClosed", "RedisLinkDown"],
)  # fmt: skip
def test_what_the_design_wants_to_be_woken_for_has_a_rule(cause: str):
    assert f"ExtDebug{cause}" in {rule["alert"] for rule in RULES}


def test_the_reasons_and_states_in_expressions_exist():
    text = everything()
    for _, expression in EXPRESSIONS:
        for label, values in re.findall(r'(reason|state|cause|code)=~?"([^"$]+)"', expression):
            for value in values.split("|"):
                assert f'{label}="{value}"' in text + runner_text(), value


def test_the_dashboard_shows_every_metric(exported: dict[str, set[str]]):
    shown = {name for _, expression in EXPRESSIONS for name in METRIC.findall(expression)}
    assert exported.keys() - shown == set()


def test_panels_do_not_lie_on_each_other():
    places: set[tuple[int, int]] = set()
    identifiers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])
        }  # fmt: skip
        assert not cells & places, panel["title"]
        places |= cells


def test_the_page_about_metrics_has_them_all(exported: dict[str, set[str]]):
    text = (ROOT / "docs/operations.md").read_text()
    section = text.split("## What the metrics mean\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `((?:ext_debug|runner)_[a-z_]+)", section, re.MULTILINE))
    assert named == exported.keys()


def test_every_alert_says_what_to_do(exported: dict[str, set[str]]):
    text = (ROOT / "docs/operations.md").read_text()
    section = text.split("## When an alert fires\n")[1].split("\n## ")[0]
    assert set(re.findall(r"`(ExtDebug\w+)`", section)) == {rule["alert"] for rule in RULES}
