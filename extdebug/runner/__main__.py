"""The runner's command line: run a component, serve requests, wrap a process, make demo traffic."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extdebug.runner.config import ConfigError, RunnerConfig, load
from extdebug.runner.leaving import leave
from extdebug.runner.wasm.build import (
    DEMO_GUEST,
    OUR_WORLD,
    PLATFORM_WORLD,
    BuildError,
    build_guest,
)
from extdebug.wire.events import BadId, clean_id

log = logging.getLogger("extdebug.runner")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a guest failed, 2 wrong usage or settings; wrap: the command's own.

    Of wrap also: 70 with --strict if events were not published, 126 and 127 as a shell.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        config = load(os.environ)
    except ConfigError as error:
        # The command's own words go the same way: those of wrap are marked.
        mark = "wrap: " if options.command == "wrap" else ""
        parser.exit(2, "".join(f"{mark}{line}\n" for line in str(error).splitlines()))
    if options.command == "wrap":
        from extdebug.runner.wrap.command import wrap_command

        return wrap_command(options, config)
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    serving = options.command == "serve"
    if serving or options.verbose:
        logging.getLogger().setLevel(logging.INFO)
    elif config.publisher.redis_url is not None:
        # Someone watches elsewhere; the lines would bury what the command itself has to say.
        logging.getLogger("ext").setLevel(logging.CRITICAL)
    for note in config.notes:
        log.info(note)
    try:
        return int(options.handler(options, config))
    except (BadId, ConfigError) as error:
        parser.exit(2, f"{error}\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m extdebug.runner", description=__doc__)
    verbose: dict[str, Any] = {"action": "store_true", "help": "log what guests write, too"}
    parser.add_argument("-v", "--verbose", **verbose)
    # Also behind the command, where it must not undo the one before it.
    anywhere = argparse.ArgumentParser(add_help=False)
    anywhere.add_argument("-v", "--verbose", **verbose, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser(
        "run", parents=[anywhere], help="execute one component, once or repeatedly"
    )
    run.add_argument(
        "component", type=Path, help="a .wasm component of world alga:extension/runner"
    )
    _flow_options(run)
    run.add_argument("--method", default="GET")
    run.add_argument("--url", default="/")
    run.add_argument("--body", default=None, help="text of the request's body")
    run.add_argument("--count", type=int, default=1, help="executions in all (default 1)")
    run.add_argument("--concurrency", type=int, default=1, help="threads (default 1)")
    run.add_argument(
        "--rate", type=float, default=0.0, help="executions a second (default: no limit)"
    )
    run.set_defaults(handler=_run)

    demo = commands.add_parser(
        "demo", parents=[anywhere], help="sample traffic until SIGTERM or SIGINT"
    )
    demo.add_argument(
        "--tenant-install", action="append", required=True, metavar="TENANT:INSTALL",
        type=_tenant_install,
    )  # fmt: skip
    demo.add_argument("--extension", required=True)
    demo.add_argument(
        "--component", type=Path, help="the guest (default: the sample, which is built if need be)"
    )
    demo.add_argument("--rate", type=float, default=1.5, help="requests a second (default 1.5)")
    demo.set_defaults(handler=_demo)

    build = commands.add_parser(
        "build-guest", parents=[anywhere], help="build a Python guest and print its path"
    )
    build.add_argument(
        "source", nargs="?", type=Path, default=DEMO_GUEST,
        help="its Python file (default: the sample)",
    )  # fmt: skip
    build.add_argument(
        "--world", choices=(OUR_WORLD, PLATFORM_WORLD), default=OUR_WORLD,
        help="ours has the structured log call, too (default)",
    )  # fmt: skip
    build.set_defaults(handler=_build)

    serve = commands.add_parser("serve", parents=[anywhere], help="the runner's HTTP server")
    serve.set_defaults(handler=_serve)

    wrap = commands.add_parser("wrap", help="publish the lines of any command")
    _flow_options(wrap)
    wrap.add_argument("--quiet", action="store_true", help="do not pass the output through")
    wrap.add_argument(
        "--pty", action="store_true",
        help="give the command terminals, so that it writes line by line",
    )  # fmt: skip
    wrap.add_argument(
        "--no-wait-children", action="store_true",
        help="end a second after the command, though processes it left behind hold its output",
    )  # fmt: skip
    wrap.add_argument(
        "--strict", action="store_true",
        help="exit with 70 if a line was not published and the command itself was well",
    )  # fmt: skip
    wrap.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ARGS")
    return parser


def _flow_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--extension", required=True)
    parser.add_argument("--install", default=None)
    parser.add_argument("--request-id", default=None)
    parser.add_argument("--version-id", default=None)


def _tenant_install(text: str) -> tuple[str, str]:
    tenant, colon, install = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected TENANT:INSTALL, got {text!r}")
    try:
        return clean_id(tenant, what="tenant"), clean_id(install, what="install")
    except BadId as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(options: argparse.Namespace, config: RunnerConfig) -> int:
    from extdebug.runner.run_once import run_component

    return run_component(options, config)


def _serve(_: argparse.Namespace, config: RunnerConfig) -> int:
    from extdebug.runner.http.server import serve

    return serve(config)


def _build(options: argparse.Namespace, config: RunnerConfig) -> int:
    path = build_guest(
        options.source,
        world=options.world,
        cache=config.host.cache,
        progress=lambda line: log.warning("%s", line),
    )
    sys.stdout.write(f"{path}\n")
    return 0


def _demo(options: argparse.Namespace, config: RunnerConfig) -> int:
    from extdebug.runner.demo_traffic import run_demo
    from extdebug.runner.publish.publisher import Publisher
    from extdebug.runner.wasm.host import Host

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    path: Path = options.component or build_guest(
        cache=config.host.cache, progress=lambda line: log.warning("%s", line)
    )
    try:
        component = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"--component: expected a file to read, got {path}: {error.strerror}"
        ) from error
    publisher = Publisher(config.publisher)
    host = Host(config.host, publisher)
    loaded = host.components.load(component)
    run_demo(
        host,
        loaded,
        installs=options.tenant_install,
        extension=clean_id(options.extension, what="extension"),
        rate=max(0.01, options.rate),
        stop=stop,
    )
    publisher.close()
    return 0


if __name__ == "__main__":
    leave(main())
