"""What keeps a connection to Redis from standing is named so that one knows what to set."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.runner.publish.redis_sink import RedisSink, Unreachable
from extdebug.streams.connection import Link
from extdebug.wire.redis_causes import cause, of_the_slot
from tests.fixtures.programs import free_port
from tests.fixtures.redis import RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the loopback, and its key beside it."""
    folder = tmp_path_factory.mktemp("ca")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
         "ca.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def server(ca: Path) -> Iterator[tuple[int, int]]:
    """Ports of one server: plain and TLS. It wants client certificates."""
    tls = free_port()
    options = (
        "--tls-port", str(tls), "--tls-cert-file", str(ca), "--tls-ca-cert-file", str(ca),
        "--tls-key-file", str(ca.parent / "key.pem"), "--tls-auth-clients", "yes",
    )  # fmt: skip
    running = RedisServer(ca.parent, options=options).start()
    yield running.port, tls
    running.stop()


def reach(sink: RedisSink) -> None:
    sink.connect()
    sink.probe("probe")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("redis://127.0.0.1:{plain}/99", "no database with the number"),
        ("redis://nobody:hidden@127.0.0.1:{plain}/0", "user or password is wrong"),
        ("rediss://127.0.0.1:{tls}/0", "its certificate is not trusted (self"),
        ("rediss://127.0.0.1:{tls}/0?ssl_ca_certs={ca}", "client certificate"),
        ("rediss://127.0.0.1:{tls}/0?ssl_ca_certs=/does/not/exist", "cannot be read: ssl_ca_certs"),
        ("redis://127.0.0.1:{tls}/0", "as a TLS port does without rediss://"),
        ("rediss://127.0.0.1:{plain}/0", "rediss:// on a plain port"),
        ("redis://127.0.0.1:1/0", "nobody listens on this port"),
        ("redis://does.not.exist.invalid:6379/0", "its name is not known"),
    ],
)
async def test_console_and_runner_name_the_cause(
    server: tuple[int, int], ca: Path, address: str, said: str
):
    url = address.format(plain=server[0], tls=server[1], ca=ca)
    link = Link(url)
    with pytest.raises((RedisError, OSError)) as refused:
        await link.call("PING")
    await link.close()
    assert said in cause(refused.value)
    assert "hidden" not in cause(refused.value)
    sink = RedisSink(url, reply_timeout=1.0)
    with pytest.raises(Unreachable) as unreachable:
        reach(sink)
    sink.close()
    assert said in str(unreachable.value)


async def test_with_the_certificates_named_it_connects(server: tuple[int, int], ca: Path):
    files = f"ssl_ca_certs={ca}&ssl_certfile={ca}&ssl_keyfile={ca.parent / 'key.pem'}"
    link = Link(f"rediss://127.0.0.1:{server[1]}/0?{files}")
    assert await link.call("PING") == b"PONG"
    await link.close()


def test_what_is_not_known_is_said_as_it_came_in_one_line():
    assert cause(RedisConnectionError("odd\nthing")) == "ConnectionError: odd"
    assert cause(NoPermissionError("no permissions for xread")).startswith("its ACL forbids this")
    assert cause(RedisConnectionError()) == "ConnectionError"
    assert cause(MovedError("12 10.0.0.1:6379")).startswith("it is a node of a cluster")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MovedError("5 h:1"), "another node of the cluster owns its slot"),
        (AskError("5 h:1"), "being moved to another node"),
        (TryAgainError("Multiple keys request"), "being moved to another node"),
        (ClusterDownError("The cluster is down"), "the cluster is down"),
    ],
)
def test_who_named_a_cluster_is_not_told_to_name_one(error: RedisError, said: str):
    meant = of_the_slot(error)
    assert meant is not None
    assert said in cause(meant)
    assert "redis+cluster://" not in cause(meant)
    if not isinstance(error, TryAgainError):
        assert "redis+cluster://" in cause(error), "but who named a node is"


def test_other_refusals_have_nothing_to_do_with_a_slot():
    assert of_the_slot(NoPermissionError("no")) is None
