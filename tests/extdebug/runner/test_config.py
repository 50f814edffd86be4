import pytest

from extdebug.runner.config import ConfigError, load


def test_the_defaults_are_those_of_the_documents():
    config = load({})
    publisher = config.publisher
    assert (publisher.redis_url, publisher.prefix, publisher.maxlen) == (None, "ext-debug:", 20_000)
    assert (publisher.max_event_bytes, publisher.rate) == (8192, 2000.0)
    assert config.server.host == "127.0.0.1"
    assert not config.server.stream_enabled
    assert any("RUNNER_DEBUG_REDIS_URL" in note for note in config.notes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUNNER_DEBUG_REDIS_MAXLEN", "many"),
        ("RUNNER_DEBUG_REDIS_MAXLEN", "1"),
        ("RUNNER_DEBUG_MAX_EVENT_BYTES", "-1"),
        ("RUNNER_DEBUG_RATE", "nan"),
        ("RUNNER_DEBUG_STREAM_ENABLED", "perhaps"),
        ("RUNNER_DEBUG_STREAM_ENABLED", "true"),
        ("RUNNER_DEBUG_STREAM_SECRET", "short"),
        ("RUNNER_AUTH_TOKEN", "short"),
        ("REDACTION_KEY_FILE", "/does/not/exist"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name.removesuffix("_FILE")):
        load({name: value})


def test_secrets_come_from_files_too_and_never_show(tmp_path):
    file = tmp_path / "key"
    file.write_text("s" * 32 + "\n")
    config = load(
        {
            "REDACTION_KEY_FILE": str(file),
            "RUNNER_DEBUG_STREAM_SECRET": "t" * 32,
            "RUNNER_DEBUG_REDIS_URL": "redis://u:hidden@h/0",
            "RUNNER_AUTH_TOKEN": "a" * 16,
        }
    )
    assert config.publisher.redaction_key == b"s" * 32
    shown = repr(config)
    assert not any(secret in shown for secret in ("s" * 32, "t" * 32, "hidden", "a" * 16))
