"""Rules of the layout that no linter here can say: who imports whom inside `assets`, names, addresses."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipelines", "assets", "warehouse", "migrations", "benchmarks")
DOMAINS = sorted(path.parent.name for path in ROOT.glob("assets/*/__init__.py"))

MAY_IMPORT_DAGSTER = {"assets.py", "checks.py"}
SHARED_WITH_DAGSTER = {"assets/partitions.py", "assets/resources.py"}
"""What every domain's `assets.py` declares with."""

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "data2"}
"""Module names that say nothing about what is inside."""

KNOWN_HOST = re.compile(
    r"(?:[\w-]+\.)*(?:127\.0\.0\.1|localhost|example(?:\.com|\.org|\.net)?|test|invalid|semver\.org|apache\.org)"
)
"""This machine, the names reserved for examples, and what licence and changelog point to."""

MACHINE_PATH = re.compile(r"(?<![\w./~}$*-])/(?:home|root|work|Users|mnt|lab)/[\w.]")
ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+)")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Each imported module with its line; `from x import y` is `x.y` where y is a module that x does not export."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            for name in node.names:
                if _is_module(f"{node.module}.{name.name}") and name.name not in _exports(node.module):
                    yield f"{node.module}.{name.name}", node.lineno


def _is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@cache
def _exports(package: str) -> frozenset[str]:
    """What `__init__.py` of a package imports, lazily or not."""
    init = ROOT.joinpath(*package.split("."), "__init__.py")
    if not init.exists():
        return frozenset()
    nodes = (node for node in ast.walk(_tree(init)) if isinstance(node, ast.ImportFrom))
    return frozenset(name.asname or name.name for node in nodes for name in node.names)


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_in_a_domain_only_assets_and_checks_import_dagster() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _sources("assets")
        if path.name not in MAY_IMPORT_DAGSTER and str(path.relative_to(ROOT)) not in SHARED_WITH_DAGSTER
        for module, line in _imports(path)
        if module.split(".")[0] == "dagster"
    ]
    assert not found, found


def test_a_domain_uses_another_one_by_what_it_exports() -> None:
    found = []
    for path in _sources("assets"):
        own = path.relative_to(ROOT / "assets").parts[0]
        for module, line in _imports(path):
            parts = module.split(".")
            if len(parts) > 2 and parts[0] == "assets" and parts[1] in DOMAINS and parts[1] != own:
                found.append(f"{path.relative_to(ROOT)}:{line} {module}")
    assert not found, found


def test_pipelines_see_a_domain_by_its_declarations_and_exports() -> None:
    found = []
    for path in _sources("pipelines"):
        for module, line in _imports(path):
            parts = module.split(".")
            inside = len(parts) > 2 and parts[0] == "assets" and parts[1] in DOMAINS
            if inside and parts[2] not in {"assets", "checks"}:
                found.append(f"{path.relative_to(ROOT)}:{line} {module}")
    assert not found, found


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _sources(*PACKAGES, "tests")
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(_tree(path))
    ]
    assert not silent, silent


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [str(path.relative_to(ROOT)) for path in _sources(*PACKAGES, "tests") if path.stem in EMPTY_NAMES]
    assert not found, found


def test_no_path_of_a_machine_and_no_unknown_address_is_written_down() -> None:
    found = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            unknown = [host for host in ADDRESS.findall(line) if not KNOWN_HOST.fullmatch(host)]
            if unknown or MACHINE_PATH.search(line) or str(ROOT) in line:
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found, found
