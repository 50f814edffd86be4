"""The channel layer stands on the same Redis as the streams, however its address says where."""

from channels_redis.utils import create_pool
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from config.channel_layer import channel_layer
from extdebug.wire.any_node import AnyNode, AnyNodeOverTls


def test_without_a_redis_it_stays_in_the_process():
    assert "InMemory" in channel_layer("", prefix="p")["BACKEND"]


def test_an_address_is_handed_on_with_longer_patience():
    layer = channel_layer("rediss://h:1/2?ssl_ca_certs=/ca.pem", prefix="p")
    assert layer["CONFIG"]["prefix"] == "p"
    (host,) = layer["CONFIG"]["hosts"]
    assert host["socket_timeout"] == 15
    options = create_pool(host).connection_kwargs
    assert (options["host"], options["db"], options["ssl_ca_certs"]) == ("h", 2, "/ca.pem")


def test_sentinels_are_asked_with_the_same_certificates():
    url = "rediss+sentinel://u:p@a:1,b:2/events/3?ssl_ca_certs=/ca.pem&sentinel_password=s"
    (host,) = channel_layer(url, prefix="p")["CONFIG"]["hosts"]
    pool = create_pool(host)
    assert pool.service_name == "events"
    assert pool.connection_class is SentinelManagedSSLConnection
    options = pool.connection_kwargs
    assert (options["username"], options["password"], options["db"]) == ("u", "p", 3)
    assert options["retry"].get_retries() == 1
    for sentinel, place in zip(pool.sentinel_manager.sentinels, (("a", 1), ("b", 2)), strict=True):
        known = sentinel.connection_pool.connection_kwargs
        assert (known["host"], known["port"]) == place
        assert known["retry"].get_retries() == 0, "or a console that stops waits for each"
        assert (known["password"], known["ssl_ca_certs"]) == ("s", "/ca.pem")
    (plain,) = channel_layer("redis+sentinel://a:1/events", prefix="p")["CONFIG"]["hosts"]
    assert create_pool(plain).connection_class is SentinelManagedConnection


def test_on_a_cluster_any_node_will_do():
    url = "rediss+cluster://u:p@a:1,b:2/?ssl_ca_certs=/ca.pem"
    (host,) = channel_layer(url, prefix="p")["CONFIG"]["hosts"]
    pool = create_pool(host)
    assert pool.connection_class is AnyNodeOverTls
    made = pool.make_connection()
    assert (made.username, made.password) == ("u", "p")
    assert made._nodes == (("a", 1), ("b", 2))
    (plain,) = channel_layer("redis+cluster://a:1/", prefix="p")["CONFIG"]["hosts"]
    assert create_pool(plain).connection_class is AnyNode
