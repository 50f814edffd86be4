"""Addresses are taken apart as redis-py reads them, and those of Sentinels beside it."""

from typing import Any

import pytest

from extdebug.wire.redis_address import RedisAddress, Transport, with_files


@pytest.mark.parametrize(
    ("text", "transport", "options"),
    [
        ("redis://h", "redis", {"host": "h"}),
        ("redis://u:$p%23@[::1]:7000/3", "redis",
         {"username": "u", "password": "$p#", "host": "::1", "port": 7000, "db": 3}),
        ("rediss://:p@h:1/0?ssl_ca_certs=/ca.pem&socket_timeout=5", "rediss",
         {"password": "p", "host": "h", "port": 1, "db": 0, "ssl_ca_certs": "/ca.pem",
          "socket_timeout": 5.0}),
        ("unix:///run/redis.sock?db=1", "unix", {"path": "/run/redis.sock", "db": 1}),
    ],
)  # fmt: skip
def test_a_server_has_its_options(text: str, transport: str, options: dict[str, Any]):
    found = RedisAddress.parse(text)
    assert (found.transport, found.sentinels, found.service) == (transport, (), "")
    assert found.options == options


def test_sentinels_stand_in_for_host_and_port():
    found = RedisAddress.parse(
        "rediss+sentinel://app:p%40ss@a.example:26380,b.example,[::1]:1/the-events/2"
        "?ssl_ca_certs=/ca.pem&sentinel_password=word&sentinel_username=watch"
    )
    assert found.transport is Transport.TLS
    assert found.sentinels == (("a.example", 26380), ("b.example", 26379), ("::1", 1))
    assert found.service == "the-events"
    assert found.options == {
        "username": "app", "password": "p@ss", "db": 2, "ssl_ca_certs": "/ca.pem"
    }  # fmt: skip
    assert found.sentinel_options == {
        "username": "watch", "password": "word", "ssl_ca_certs": "/ca.pem"
    }  # fmt: skip


def test_nodes_of_a_cluster_stand_in_for_host_and_port():
    found = RedisAddress.parse(
        "rediss+cluster://app:p%40ss@a.example:7001,b.example,[::1]:1/?ssl_ca_certs=/ca.pem"
    )
    assert found.transport is Transport.TLS
    assert found.nodes == (("a.example", 7001), ("b.example", 6379), ("::1", 1))
    assert (found.sentinels, found.service) == ((), "")
    assert found.options == {"username": "app", "password": "p@ss", "ssl_ca_certs": "/ca.pem"}


@pytest.mark.parametrize("rest", ["", "/", "/0", "?db=0", "/0?db=0"])
def test_a_cluster_has_database_0_alone(rest: str):
    assert RedisAddress.parse(f"redis+cluster://h:1{rest}").options == {}


@pytest.mark.parametrize("rest", ["?db=4", "/4", "/0?db=4"])
def test_the_index_stands_in_the_path_or_in_the_query(rest: str):
    found = RedisAddress.parse(f"redis+sentinel://h:1/events{rest}")
    assert (found.transport, found.options) == (Transport.TCP, {"db": 4})


@pytest.mark.parametrize(
    "text",
    [
        "redis://", "redis:///0", "redis://h/index", "redis://h:0/0", "redis://h:70000/0",
        "redis://h/0 ", "redis://h#p@x/0", "http://h/0", "h:6379", "redis://h/0?ssl_ca_cert=typo",
        "rediss://h/0?ssl_ca_cert=typo", "redis://h/0?socket_timeout=soon", "redis+cluster://h/1",
        "redis+cluster://h/?db=2", "redis+cluster:///", "redis+cluster://h:1,/", "unix+cluster://h/",
        "redis+cluster://u:p@h:1,u:p@i:1/", "redis+cluster+sentinel://h:1/events",
        "redis+sentinel+cluster://h:1/", "redis+cluster://h/?ssl_ca_certs=plain",
        "redis+sentinel://h:1", "redis+sentinel://h:1/", "redis+sentinel:///events",
        "redis+sentinel://h:1,/events", "redis+sentinel://h:1,i:70000/events",
        "redis+sentinel://h:1/events/x", "redis+sentinel://h:1/a b", "redis+sentinel://h:1/a/0/1",
        "redis+sentinel://h:1/events?ssl_ca_certs=plain", "unix+sentinel://h/events",
        "redis+sentinel://u:p@h:1,u:p@i:1/events", "redis://h/0?sentinel_password=x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says is not shown
        RedisAddress.parse(text)


def test_files_are_options_unless_the_address_names_its_own():
    files = {"ssl_ca_certs": "/a b.pem", "ssl_certfile": "/c.pem"}
    assert with_files("rediss://h/0", **files) == (
        "rediss://h/0?ssl_ca_certs=%2Fa+b.pem&ssl_certfile=%2Fc.pem"
    )
    own = "rediss://h/0?ssl_ca_certs=/own.pem&ssl_certfile=/own.pem"
    assert with_files(own, **files) == own
    both = RedisAddress.parse(with_files("rediss://h/0?ssl_certfile=/own.pem", **files))
    assert both.options["ssl_ca_certs"] == "/a b.pem"
    assert both.options["ssl_certfile"] == "/own.pem"
