"""Tests lie where a newcomer looks for them, and prove what production code calls.

Each production module has its test file under its own name in the mirrored folder of tests/. No
module, top-level function or class is reached by tests alone. Each exception has its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.files import ROOT, relative, repository_files

APPS: Final = ("audit/", "config/", "extdebug/", "policies/")
# Modules without a test file of their own name, each with its reason.
ELSEWHERE: Final[dict[str, str]] = {
    "manage.py": "three lines of Django's; every command's test goes through it or past it",
    "config/formats/en/formats.py": "constants that Django reads",
    "config/urls.py": "addresses; a wrong one fails the tests of its view",
    "extdebug/apps.py": "app registration",
    "extdebug/models.py": "tables; rules of their rows are tested with sessions/store.py",
    "extdebug/urls.py": "addresses; a wrong one fails the tests of its view",
    "policies/apps.py": "app registration",
    "policies/urls.py": "addresses; a wrong one fails the tests of its view",
    "audit/apps.py": "app registration",
    "extdebug/management/commands/redis_acl.py": "tested with its rules in streams/test_acl.py",
}
# What templates, other programs or later migrations call, and no module of ours.
OFFERED: Final[dict[str, str]] = {
    "extdebug.runner.context:bind": "a host in Python calls it: docs/extension-authors.md",
    "extdebug.runner.logging_handler:": "a host in Python imports it: docs/extension-authors.md",
    "extdebug.runner.logging_handler:DebugHandler": "see its module",
    "audit.guards:lift": "for migrations that alter a table with triggers: docs/audit.md",
    "policies.database.version_triggers:lift": "for migrations that alter a table with triggers",
    "config.settings_table:": "contributors run it: CONTRIBUTING.md, a setting",
    "policies.templatetags.landmarks:": "templates/admin/base.html loads it",
    "policies.templatetags.landmarks:main_landmark": "see its module",
    "policies.redaction.rule_table:": "contributors run it: CONTRIBUTING.md, a redaction rule",
}


def is_production(path: Path) -> bool:
    """Code that runs outside tests; what is compiled to Wasm runs in a guest, and is left out."""
    name = relative(path)
    ours = name == "manage.py" or name.startswith(APPS)
    return ours and "migrations" not in path.parts and path.suffix == ".py"


PRODUCTION: Final = tuple(path for path in repository_files(".py") if is_production(path))
MODULES: Final = tuple(path for path in PRODUCTION if path.name != "__init__.py")


def test_file_of(module: str) -> str:
    """`extdebug/wire/keys.py` is tested in `tests/extdebug/wire/test_keys.py`."""
    path = Path(module)
    return (Path("tests") / path.parent / f"test_{path.stem.strip('_')}.py").as_posix()


test_file_of.__test__ = False  # type: ignore[attr-defined] # not a test, whatever pytest thinks


def without_test() -> list[str]:
    names = [relative(path) for path in MODULES]
    return [
        name for name in names if name not in ELSEWHERE and not (ROOT / test_file_of(name)).exists()
    ]


def test_every_module_has_its_test_file():
    missing = without_test()
    assert not missing, f"write {', '.join(map(test_file_of, missing))}, or say why not"


@pytest.mark.parametrize("module", ELSEWHERE)
def test_an_exception_is_a_module_without_test_file(module: str):
    assert (ROOT / module).exists(), "no such module: take it off the list"
    assert not (ROOT / test_file_of(module)).exists(), "it has its test: take it off the list"


# --- no code for tests alone ------------------------------------------------------------------

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Symbol = tuple[str, str]  # a module's dotted name and a name in it; "" for the module itself
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# Decorators that hand what they decorate to a framework, which calls it.
_REGISTERS: Final = {"register", "receiver"}
# Modules that a framework or a person starts.
_STARTED: Final = re.compile(
    r"manage|.*\.__main__|.*\.(admin|apps|models)|.*\.management\.commands\.\w+|config\.asgi"
    r"|config\.settings|config\.formats\.en\.formats"
)


class Module:
    """One module: what it defines and imports, and which symbols each part of it uses."""

    def __init__(self, name: str, code: str, *, known: Collection[str]) -> None:
        self.name = name
        self.tree = ast.parse(code)
        self.definitions = {n.name: n for n in self.tree.body if isinstance(n, Definition)}
        self.imports: dict[str, Symbol] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    symbol = (whole, "") if whole in known else (node.module, alias.name)
                    self.imports[alias.asname or alias.name] = symbol

    @property
    def only_documented(self) -> bool:
        """Whether there is nothing in it but its docstring."""
        return len(self.tree.body) == 1 and ast.get_docstring(self.tree) is not None

    def uses(self, node: ast.AST) -> Iterator[Symbol]:
        """Symbols that are named in this part, not only imported."""
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                yield self.imports.get(each.id, (self.name, each.id))
            elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
                module, inner = self.imports.get(each.value.id, ("", ""))
                if module and not inner:
                    yield module, each.attr
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                if _DOTTED.fullmatch(each.value):  # a path that Django imports
                    yield each.value, ""
                    yield each.value.rpartition(".")[::2]
                elif each.value in self.definitions or each.value in self.imports:  # a quoted type
                    yield self.imports.get(each.value, (self.name, each.value))

    def is_root(self, node: Definition) -> bool:
        """Whether a framework finds it: by registration, or by its name and place."""
        registered = any(
            isinstance(part, ast.Name | ast.Attribute)
            and (part.id if isinstance(part, ast.Name) else part.attr) in _REGISTERS
            for decorator in node.decorator_list
            for part in ast.walk(decorator)
        )
        places = {"apps", "models"} | ({"commands"} if node.name == "Command" else set())
        return registered or not places.isdisjoint(self.name.split("."))


def unreached(code: Mapping[str, str], *, offered: Collection[str] = ()) -> list[str]:
    """`module:name` of definitions, `module:` of modules, that nothing which is started reaches.

    What is `offered`, in the same form, counts as started. A package that only says its job is no
    module.
    """
    modules = {name: Module(name, text, known=code.keys()) for name, text in code.items()}
    reached: set[Symbol] = set()
    waiting: list[Symbol] = [(name, "") for name in modules if _STARTED.fullmatch(name)]
    waiting += [each.partition(":")[::2] for each in offered]
    while waiting:
        symbol = waiting.pop()
        module = modules.get(symbol[0])
        if module is None or symbol in reached:
            continue
        reached.add(symbol)
        waiting.append((symbol[0], ""))  # importing one name runs the module
        if not symbol[1]:  # the module is imported: all but its definitions runs
            waiting += ((target, "") for target, _ in module.imports.values())
            for node in module.tree.body:
                if isinstance(node, Definition):
                    waiting += [(module.name, node.name)] if module.is_root(node) else []
                elif not _is_all(node):
                    waiting += module.uses(node)
        elif symbol[1] in module.definitions:
            waiting += module.uses(module.definitions[symbol[1]])
        elif symbol[1] in module.imports:  # imported from there by others
            waiting.append(module.imports[symbol[1]])
    everything = {(name, "") for name in modules} | {
        (name, definition) for name, module in modules.items() for definition in module.definitions
    }
    everything -= {(name, "") for name, module in modules.items() if module.only_documented}
    return sorted(f"{module}:{name}" for module, name in everything - reached)


def _is_all(node: ast.stmt) -> bool:
    """`__all__` offers names and uses none."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def production_code() -> dict[str, str]:
    names = {
        relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in PRODUCTION
    }
    return {name: path.read_text() for name, path in names.items() if path.read_text().strip()}


def loaded_by_templates() -> set[str]:
    """Modules of template tags, in the form of `offered`."""
    templates = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("*/templates/**/*.html")]
    loads = re.compile(r"{% load ([\w ]+?)(?: from \w+)? %}")
    names = {
        name
        for path in templates
        for found in loads.findall(path.read_text())
        for name in found.split()
    }
    return {
        f"{path.parts[-3]}.templatetags.{path.stem}:"
        for path in ROOT.glob("*/templatetags/*.py")
        if path.stem in names
    }


def test_no_code_is_reached_by_tests_alone():
    new = unreached(production_code(), offered={*OFFERED, *loaded_by_templates()})
    assert not new, f"nothing in production reaches {new}: remove it with its tests"


def test_the_list_of_what_we_offer_only_shrinks():
    found = set(unreached(production_code()))
    assert not sorted(OFFERED.keys() - found), "called or gone: take it out of OFFERED"


def planted(code: str, **more: str) -> list[str]:
    """What nothing reaches when `code` is the program's start."""
    return unreached({"manage": code, **more})


@pytest.mark.parametrize(
    "code",
    [
        "def lonely(): pass",
        "async def lonely(): pass",
        "class lonely: pass",
        "def lonely(): return lonely()",
        "def lonely(): pass\n__all__ = ['lonely']",
        "import other\ndef lonely(): pass\nother.lonely()",
        "def lonely(): pass\nclass A:\n  def lonely(self): pass\nA().lonely()",
    ],
)
def test_a_planted_unused_definition_is_found(code: str):
    assert planted(code) == ["manage:lonely"]


def test_what_only_unused_code_uses_is_unused():
    code = "from other import helper\ndef lonely(): helper()"

    assert planted(code, other="def helper(): pass") == ["manage:lonely", "other:helper"]


def test_a_module_that_nothing_imports_is_found():
    assert planted("", other="x = 1") == ["other:"]
    assert planted("", other='"""Says its job."""\nx = 1') == ["other:"]


def test_a_package_that_only_says_its_job_is_none():
    assert planted("", folder='"""Says its job."""') == []


@pytest.mark.parametrize(
    "code",
    [
        "def used(): pass\nused()",
        "def used(): pass\nx = [used]",
        "class Used: pass\nx: 'Used'",
        "@admin.register(Row)\nclass RowAdmin: pass",
        "@register(Tags.security)\ndef check(): pass",
    ],
)
def test_a_used_or_registered_definition_is_not(code: str):
    assert planted(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "from other import used\nused()",
        "from other import used as mine\nmine()",
        "from folder import other\nother.used()",
        "from between import used\nused()",
        "X = 'other.used'",
    ],
)
def test_a_use_is_followed_to_its_definition(code: str):
    other = "def used(): pass"
    found = planted(
        code, **{"other": other, "folder.other": other, "between": "from other import used"}
    )

    assert not {"other:used", "folder.other:used"} <= set(found)
