"""What console and runner share is declared once and read as the same value on both sides."""

import json
import subprocess
import sys
from pathlib import Path

import config.declared
import extdebug.runner.declared
from extdebug.wire.environment import shared
from tests.files import ROOT

PROGRAM = """
import json, os
from config import settings
from extdebug.runner.config import load
runner = load(os.environ)
print(json.dumps([
    [settings.EXT_DEBUG_STREAM_PREFIX, settings.REDACTION_KEY, settings.RUNNER_AUTH_TOKEN,
     settings.RUNNER_DEBUG_STREAM_SECRET],
    [runner.publisher.prefix, runner.publisher.redaction_key.decode(), runner.server.auth,
     runner.server.stream_secret.decode()],
]))
"""


def test_a_name_that_both_read_is_one_setting():
    console = {each.name: each for each in config.declared.DECLARED}
    runner = {each.name: each for each in extdebug.runner.declared.DECLARED}
    both = console.keys() & runner.keys()
    assert all(console[name] is runner[name] for name in both)
    assert both == {
        shared.STREAM_PREFIX.name, shared.REDACTION_KEY.name, shared.RUNNER_AUTH_TOKEN.name,
        shared.STREAM_SECRET.name,
    }  # fmt: skip


def test_mounted_secrets_mean_the_same_on_both_sides(tmp_path: Path):
    values = [f"v:$PATH{n}{'x' * 40}" for n in range(4)]
    values[0] = "debug:"
    names = [
        shared.STREAM_PREFIX.name, shared.REDACTION_KEY.name, shared.RUNNER_AUTH_TOKEN.name,
        shared.STREAM_SECRET.name,
    ]  # fmt: skip
    environment = {"DATABASE_URL": "sqlite:///:memory:"}
    for name, value in zip(names, values, strict=True):
        (tmp_path / name).write_text(f"{value}\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [values, values]
