"""Loggers as people run them: each prints the same calls, and what comes out is what is tested.

Those of PyPI and npm are installed into the runner's cache, at the versions named here, and run.
The others are lines that we wrote by hand in the loggers' documented forms (`RECORDED`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from extdebug.runner.config import default_cache
from tests.fixtures.programs import need

PYTHON_PACKAGES: Final = (
    "coloredlogs==15.0.1", "humanfriendly==10.0", "loguru==0.7.3", "python-json-logger==4.2.0",
    "structlog==26.1.0",
)  # fmt: skip
NODE_PACKAGES: Final = (
    "@nestjs/common@12.5.1", "bunyan@2.0.5", "log4js@6.9.1", "pino@10.4.0",
    "reflect-metadata@0.2.2", "roarr@7.21.7", "rxjs@7.8.2", "signale@1.4.0", "winston@3.19.0",
)  # fmt: skip
# Each call says this, with the field ms = 812 where the logger takes fields.
MESSAGE: Final = "orders fetched"


@dataclass(frozen=True, slots=True)
class Logger:
    """`calls` are the level of each line that `code` prints, in order."""

    name: str
    calls: str
    code: str

    @property
    def version(self) -> str:
        """The package that is run, by the first word of the name; the standard library has none."""
        pinned = [p.replace("==", "@") for p in (*PYTHON_PACKAGES, *NODE_PACKAGES)]
        return next((p for p in pinned if p.startswith(self.name.split(",")[0] + "@")), "")


_STDLIB = """
import logging, sys
logging.basicConfig(level=1, stream=sys.stdout{format})
log = logging.getLogger("app")
for level in "debug info warning error critical".split():
    getattr(log, level)("orders fetched")
"""
_STRUCTLOG = """
import structlog
structlog.configure(processors=[structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"), {renderer}])
log = structlog.get_logger()
for level in "debug info warning error critical".split():
    getattr(log, level)("orders fetched", ms=812)
"""
_LOGURU = """
import sys
from loguru import logger
logger.remove()
logger.add(sys.stdout, level=0{options})
log = logger.bind(ms=812)
for level in "trace debug info success warning error critical".split():
    getattr(log, level)("orders fetched")
"""
_PYTHON_CALLS: Final = "debug info warn error error"
_LOGURU_CALLS: Final = "trace debug info info warn error error"
PYTHON: Final = (
    Logger("logging", _PYTHON_CALLS, _STDLIB.format(format="")),
    Logger(
        "logging, with a time",
        _PYTHON_CALLS,
        _STDLIB.format(format=', format="%(asctime)s - %(name)s - %(levelname)s - %(message)s"'),
    ),
    Logger(
        "python-json-logger",
        _PYTHON_CALLS,
        """
import logging, sys
from pythonjsonlogger.json import JsonFormatter
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s"))
log = logging.getLogger("app")
log.addHandler(handler)
log.setLevel(1)
for level in "debug info warning error critical".split():
    getattr(log, level)("orders fetched", extra={"ms": 812})
""",
    ),
    Logger(
        "structlog, JSONRenderer",
        _PYTHON_CALLS,
        _STRUCTLOG.format(renderer="structlog.processors.JSONRenderer()"),
    ),
    Logger(
        "structlog, LogfmtRenderer",
        _PYTHON_CALLS,
        _STRUCTLOG.format(renderer="structlog.processors.LogfmtRenderer()"),
    ),
    Logger(
        "structlog, ConsoleRenderer",
        _PYTHON_CALLS,
        _STRUCTLOG.format(renderer="structlog.dev.ConsoleRenderer(colors=True)"),
    ),
    Logger("loguru, serialize", _LOGURU_CALLS, _LOGURU.format(options=", serialize=True")),
    Logger("loguru", _LOGURU_CALLS, _LOGURU.format(options="")),
    Logger("loguru, colorize", _LOGURU_CALLS, _LOGURU.format(options=", colorize=True")),
    Logger(
        "coloredlogs",
        _PYTHON_CALLS,
        """
import logging, sys
import coloredlogs
coloredlogs.install(level=1, stream=sys.stdout, isatty=True)
log = logging.getLogger("app")
for level in "debug info warning error critical".split():
    getattr(log, level)("orders fetched")
""",
    ),
)

_EACH_NODE = "for (const level of '{levels}'.split(' ')) log[level]({call});"
_WINSTON = """
const winston = require('winston');
const {{ combine, json, simple, timestamp, colorize, printf }} = winston.format;
const log = winston.createLogger({{ {levels} level: '{least}', format: {format},
  transports: [new winston.transports.Console({{ forceConsole: true }})] }});
"""
_WINSTON_LEVELS: Final = "silly debug verbose http info warn error"
_WINSTON_CALL: Final = _EACH_NODE.format(
    levels=_WINSTON_LEVELS, call="'orders fetched', { ms: 812 }"
)
_WINSTON_CALLS: Final = "trace debug trace debug info warn error"
_SIX: Final = "trace debug info warn error error"
_FIELDS_FIRST: Final = _EACH_NODE.format(
    levels="trace debug info warn error fatal", call="{ ms: 812 }, 'orders fetched'"
)
# With a destination that writes at once: the usual one may write its last line first.
_PINO: Final = """
const pino = require('pino');
const log = pino({{ level: 'trace', {options} }}, pino.destination({{ dest: 1, sync: true }}));
"""


# It writes errors to stderr, and what is run here is read from stdout.
_NEST: Final = """
process.stderr.write = process.stdout.write.bind(process.stdout);
require('reflect-metadata');
const log = new (require('@nestjs/common').ConsoleLogger)('App');
"""
_NEST_CALLS: Final = _EACH_NODE.format(
    levels="verbose debug log warn error fatal", call="'orders fetched'"
)


def _winston(format: str) -> str:
    return _WINSTON.format(levels="", least="silly", format=format) + _WINSTON_CALL


NODE: Final = (
    Logger("pino", _SIX, _PINO.format(options="") + _FIELDS_FIRST),
    Logger(
        "pino, level names",
        _SIX,
        _PINO.format(
            options="messageKey: 'message', formatters: { level: (label) => ({ level: label }) }"
        )
        + _FIELDS_FIRST,
    ),
    Logger(
        "bunyan",
        _SIX,
        "const log = require('bunyan').createLogger({ name: 'app', level: 'trace' });"
        + _FIELDS_FIRST,
    ),
    Logger("winston, json", _WINSTON_CALLS, _winston("json()")),
    Logger("winston, colorize and json", _WINSTON_CALLS, _winston("combine(colorize(), json())")),
    Logger("winston, simple", _WINSTON_CALLS, _winston("simple()")),
    Logger(
        "winston, colorize and simple", _WINSTON_CALLS, _winston("combine(colorize(), simple())")
    ),
    Logger(
        "winston, syslog levels",
        "debug info info warn error error error error",
        _WINSTON.format(
            levels="levels: winston.config.syslog.levels,", least="debug", format="json()"
        )
        + _EACH_NODE.format(
            levels="debug info notice warning error crit alert emerg",
            call="'orders fetched', { ms: 812 }",
        ),
    ),
    Logger(
        "log4js, basic",
        _SIX,
        "const log4js = require('log4js'); log4js.configure({ appenders: { out: { type: 'stdout', "
        "layout: { type: 'basic' } } }, categories: { default: { appenders: ['out'], "
        "level: 'trace' } } }); const log = log4js.getLogger('app');"
        + _EACH_NODE.format(levels="trace debug info warn error fatal", call="'orders fetched'"),
    ),
    Logger("roarr", _SIX, "const log = require('roarr').Roarr;" + _FIELDS_FIRST),
    Logger(
        "signale",
        "debug info info warn error error",
        "const { Signale } = require('signale');"
        "const log = new Signale({ scope: 'app', stream: process.stdout });"
        + _EACH_NODE.format(levels="debug info success warn error fatal", call="'orders fetched'"),
    ),
    Logger("@nestjs/common", "trace debug info warn error error", _NEST + _NEST_CALLS),
    Logger(
        "@nestjs/common, json",
        "trace debug info warn error error",
        _NEST.replace("'App'", "'App', { json: true, colors: false }") + _NEST_CALLS,
    ),
)


def _each(template: str, names: str) -> str:
    return "\n".join(template.replace("LEVEL", name) for name in names.split())


# Forms that we wrote by hand; nothing was run.
RECORDED: Final = (
    Logger("zap", "debug info warn error error error", _each(
        '{"level":"LEVEL","ts":1.5,"caller":"app/main.go:7","msg":"orders fetched","ms":812}',
        "debug info warn error dpanic fatal")),
    Logger("zap, console", "debug info warn error", _each(
        "2026-01-31T09:30:00.120Z\tLEVEL\tapp/main.go:7\torders fetched\t{\"ms\": 812}",
        "DEBUG INFO WARN ERROR")),
    Logger("zerolog", "trace debug info warn error error error", _each(
        '{"level":"LEVEL","ms":812,"time":1769851800,"message":"orders fetched"}',
        "trace debug info warn error fatal panic")),
    Logger("zerolog, console", "trace debug info warn error error", _each(
        "9:30AM LEVEL orders fetched ms=812", "TRC DBG INF WRN ERR FTL")),
    Logger("logrus, JSON", "debug info warn error error", _each(
        '{"level":"LEVEL","ms":812,"msg":"orders fetched","time":"2026-01-31T09:30:00Z"}',
        "debug info warning error fatal")),
    Logger("logrus, text", "debug info warn error error", _each(
        'time="2026-01-31T09:30:00Z" level=LEVEL msg="orders fetched" ms=812',
        "debug info warning error fatal")),
    Logger("slog, JSON", "trace debug info info warn error error", _each(
        '{"time":"2026-01-31T09:30:00Z","level":"LEVEL","msg":"orders fetched","ms":812}',
        "DEBUG-4 DEBUG INFO INFO+2 WARN ERROR ERROR+4")),
    Logger("slog, text", "debug info warn error", _each(
        'time=2026-01-31T09:30:00Z level=LEVEL msg="orders fetched" ms=812',
        "DEBUG INFO WARN ERROR")),
    Logger("klog", "info warn error error", _each(
        "LEVEL0131 09:30:00.120000       7 main.go:7] orders fetched", "I W E F")),
    Logger("tracing, json", "trace debug info warn error", _each(
        '{"timestamp":"2026-01-31T09:30:00Z","level":"LEVEL","fields":{"message":"orders fetched",'
        '"ms":812},"target":"app"}', "TRACE DEBUG INFO WARN ERROR")),
    Logger("tracing", "trace debug info warn error", _each(
        "2026-01-31T09:30:00.120000Z  LEVEL app: orders fetched ms=812",
        "TRACE DEBUG INFO WARN ERROR")),
    Logger("logback, pattern", "trace debug info warn error", _each(
        "09:30:00.120 [main] LEVEL com.acme.Orders - orders fetched",
        "TRACE DEBUG INFO WARN ERROR")),
    Logger("logstash-logback-encoder", "debug info warn error", "\n".join(
        f'{{"@timestamp":"2026-01-31T09:30:00Z","message":"orders fetched","level":"{name}",'
        f'"level_value":{value},"ms":812}}'
        for name, value in (("DEBUG", 10000), ("INFO", 20000), ("WARN", 30000), ("ERROR", 40000)))),
    Logger("log4j, JsonTemplateLayout (ECS)", "trace debug info warn error error", _each(
        '{"@timestamp":"2026-01-31T09:30:00Z","ecs.version":"1.2.0","log.level":"LEVEL",'
        '"message":"orders fetched","ms":812}', "TRACE DEBUG INFO WARN ERROR FATAL")),
    Logger("java.util.logging", "trace debug debug info warn error", _each(
        "LEVEL: orders fetched", "FINER FINE CONFIG INFO WARNING SEVERE")),
    Logger("Serilog, compact", "trace debug warn error error", _each(
        '{"@t":"2026-01-31T09:30:00Z","@mt":"orders fetched","@l":"LEVEL","ms":812}',
        "Verbose Debug Warning Error Fatal")),
    Logger("Serilog, console", "trace debug info warn error error", _each(
        "[09:30:00 LEVEL] orders fetched", "VRB DBG INF WRN ERR FTL")),
    Logger("NLog, JsonLayout", "trace debug info warn error error", _each(
        '{"time":"2026-01-31 09:30:00.1200","level":"LEVEL","message":"orders fetched","ms":812}',
        "Trace Debug Info Warn Error Fatal")),
    Logger("NLog, default", "trace debug info warn error error", _each(
        "2026-01-31 09:30:00.1200|LEVEL|App.Orders|orders fetched",
        "TRACE DEBUG INFO WARN ERROR FATAL")),
    Logger(".NET, JSON console", "trace debug info warn error error", _each(
        '{"EventId":7,"LogLevel":"LEVEL","Category":"App","Message":"orders fetched","ms":812}',
        "Trace Debug Information Warning Error Critical")),
    Logger(".NET, console", "trace debug info warn error error", _each(
        "LEVEL: App.Orders[7]", "trce dbug info warn fail crit")),
    Logger("OpenTelemetry", "trace debug info warn error error", "\n".join(
        f'{{"timeUnixNano":"1","severityNumber":{number},"body":{{"stringValue":"orders fetched"}},'
        '"ms":812}' for number in (1, 5, 9, 13, 17, 21))),
    Logger("monolog, JSON", "debug info info warn error error error error", "\n".join(
        f'{{"message":"orders fetched","context":{{}},"level":{value},"level_name":"{name}",'
        '"channel":"app","ms":812}' for value, name in (
            (100, "DEBUG"), (200, "INFO"), (250, "NOTICE"), (300, "WARNING"), (400, "ERROR"),
            (500, "CRITICAL"), (550, "ALERT"), (600, "EMERGENCY")))),
    Logger("monolog, line", "debug info info warn error error", _each(
        "[2026-01-31T09:30:00.120000+00:00] app.LEVEL: orders fetched {\"ms\":812} []",
        "DEBUG INFO NOTICE WARNING ERROR CRITICAL")),
    Logger("Google Cloud", "debug info info warn error error error error", _each(
        '{"severity":"LEVEL","message":"orders fetched","ms":812}',
        "DEBUG INFO NOTICE WARNING ERROR CRITICAL ALERT EMERGENCY")),
    Logger("syslog priorities", "error error error error warn info info debug", _each(
        "<LEVEL>orders fetched", "0 1 2 3 4 5 6 7")),
    Logger("GELF", "error error error error warn info info debug", _each(
        '{"version":"1.1","host":"h","short_message":"orders fetched","level":LEVEL,"ms":812}',
        "0 1 2 3 4 5 6 7")),
)  # fmt: skip


def printed(logger: Logger) -> list[bytes]:
    """The lines that the logger printed."""
    if logger in RECORDED:
        return logger.code.encode().split(b"\n")
    if logger in PYTHON:
        command, environment = [sys.executable, "-c", logger.code], {"PYTHONPATH": str(_python())}
    else:
        command = [need("node", package="nodejs"), "-e", logger.code]
        environment = {"NODE_PATH": str(_node() / "node_modules")}
    path = {"PATH": os.environ["PATH"], "ROARR_LOG": "true"}
    return _run(command, env={**path, **environment}).rstrip(b"\n").split(b"\n")


@cache
def _python() -> Path:
    """Where the Python packages are: beside those that the project itself needs."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    return _installed(
        "loggers-" + "-".join(PYTHON_PACKAGES).replace("==", "-"),
        lambda folder: _run(
            [*pip, "--disable-pip-version-check", "--target", str(folder), *PYTHON_PACKAGES]
        ),
    )


@cache
def _node() -> Path:
    npm = need("npm", package="npm")

    def install(folder: Path) -> None:
        (folder / "package.json").write_text('{"private": true}')
        _run(
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE_PACKAGES], folder
        )

    return _installed("loggers-" + re.sub("[@/]+", "-", "-".join(NODE_PACKAGES)), install)


def _installed(name: str, install: Callable[[Path], object]) -> Path:
    """The folder of that name in the cache, made whole or not at all: tests run side by side."""
    cached = Path(os.environ.get("RUNNER_CACHE_DIR") or default_cache()) / name
    if cached.exists():
        return cached
    made = cached.with_name(f"{name}.{os.getpid()}")
    made.mkdir(parents=True)
    install(made)
    try:
        made.rename(cached)
    except OSError:  # another process was first
        shutil.rmtree(made)
    return cached


def _run(
    command: list[str], folder: Path | None = None, *, env: dict[str, str] | None = None
) -> bytes:
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{command[:4]}: {done.stderr[-2000:]!r}"
    return done.stdout
