"""Components come by content hash from one folder, are compiled once and bounded in number."""

import threading
from pathlib import Path

import pytest
from wasmtime import Engine, wat2wasm

from extdebug.runner.wasm import components
from extdebug.runner.wasm.components import Components, content_hash, make_engine
from extdebug.runner.wasm.execution import ComponentError, NotFound


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return make_engine(tmp_path_factory.mktemp("cache"))


def text(number: int) -> bytes:
    """A small component, another for each number."""
    return f'(component (core module (func (export "n{number}"))))'.encode()


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "http://x/y.wasm", "f" * 63, "F" * 64, "sha256:" + "f" * 64]
)
def test_only_what_lies_in_the_folder_under_its_hash_is_found(
    engine: Engine, tmp_path: Path, name: str
):
    with pytest.raises(NotFound):
        Components(engine, folder=tmp_path).get(name)


def test_without_a_folder_there_are_no_components(engine: Engine):
    with pytest.raises(NotFound, match="RUNNER_COMPONENTS_DIR is not set"):
        Components(engine, folder=None).get("f" * 64)


def test_a_file_whose_bytes_have_another_hash_is_refused(engine: Engine, tmp_path: Path):
    (tmp_path / f"{'0' * 64}.wasm").write_bytes(text(1))
    with pytest.raises(ComponentError, match="holds other bytes"):
        Components(engine, folder=tmp_path).get("0" * 64)


@pytest.mark.parametrize("data", [b"", b"\x00asm nonsense", b"(module)"])
def test_what_is_no_component_says_so(engine: Engine, data: bytes):
    with pytest.raises(ComponentError, match="not a component"):
        Components(engine, folder=None).load(data)


def test_what_failed_leaves_nothing_behind(engine: Engine, tmp_path: Path):
    store = Components(engine, folder=tmp_path)
    for number in range(3):
        with pytest.raises(NotFound):
            store.get(f"{number}" * 64)
    assert store._loading == {}


def test_what_is_compiled_already_is_known_without_waiting(engine: Engine, tmp_path: Path):
    store = Components(engine, folder=tmp_path)
    loaded = store.load(text(3))
    assert store.kept(f"SHA256:{loaded.content_hash}") is loaded
    assert store.kept("f" * 64) is None
    assert store.kept("../../etc/passwd") is None


def test_a_core_module_is_told_what_makes_it_a_component(engine: Engine):
    with pytest.raises(ComponentError, match=r"core WebAssembly module, .*preview 1"):
        Components(engine, folder=None).load(bytes(wat2wasm('(module (func (export "handler")))')))


def test_many_who_ask_at_once_share_one_compilation(engine: Engine, tmp_path: Path):
    digest = content_hash(text(2))
    (tmp_path / f"{digest}.wasm").write_bytes(text(2))
    store = Components(engine, folder=tmp_path)
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(store.get(f"sha256:{digest}")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len({id(component) for component in found}) == 1


def test_the_oldest_goes_when_too_many_are_kept(engine: Engine, tmp_path: Path):
    store = Components(engine, folder=tmp_path)
    for number in range(components.KEPT + 1):
        store.load(text(number))
    with pytest.raises(NotFound):
        store.get(content_hash(text(0)))
    assert store.get(content_hash(text(components.KEPT))).content_hash
