"""The house keeps its own rules: sizes of rooms, what the README promises, what a wheel carries."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from searchsvc.settings import PREFIX, Settings
from web.cli import cli
from web.forms import API_PARAMETERS

ROOT = Path(__file__).parent.parent
ROOMS = ("corpus", "searchsvc", "indexer", "web")
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_can_be_read_in_a_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


def test_the_readme_names_every_setting_with_its_variable() -> None:
    for name in Settings.model_fields:
        assert f"`{name}`" in README, name
        assert f"`{PREFIX}{name.upper()}`" in README, name


def test_the_readme_names_every_command() -> None:
    for name in cli.commands:
        assert re.search(rf"`{name}\b", README), name


def test_the_readme_names_every_parameter_of_a_search() -> None:
    (address,) = re.findall(r"`GET /api/v1/search\?([^`]+)`", README)
    assert set(re.findall(r"(\w+)=", address)) == set(API_PARAMETERS)


def test_code_says_what_was_decided_instead_of_a_number() -> None:
    for path in (*MODULES, *(ROOT / "tests").rglob("*.py")):
        assert not re.search(r"\bdecision \d", path.read_text(encoding="utf-8")), path


def test_the_readmes_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    if not listed:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w.])/(?:work|root)/")
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".cfg", ".toml", ".sh", ".php", ".html", ".css", ".js"}
            and path.is_file()
        ):
            assert not pattern.search(path.read_text(encoding="utf-8")), name


def test_in_ci_a_component_that_is_skipped_is_a_failure_on_whichever_worker(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "@pytest.mark.component\n"
        "def test_component(): pytest.skip('not here')\n"
        "def test_other(): pytest.skip('not here')\n",
        encoding="utf-8",
    )
    options = ["-p", "conftest", "-p", "no:cacheprovider", "-n", "1", "-c", ROOT / "setup.cfg"]
    places = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env=os.environ | {"CI": "true", "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout
    assert "1 failed, 1 skipped" in ran.stdout
    assert "a real component was not tested" in ran.stdout


def test_a_wheel_installed_elsewhere_carries_all_it_needs(tmp_path: Path) -> None:
    """Build the wheel, unpack it, and let it import the packaged sample from another folder."""
    tree = tmp_path / "tree"  # a build leaves its rubbish where it stands
    tree.mkdir()
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(tmp_path),
            str(tree),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    for wanted in (
        "corpus/sample/articles.jsonl",
        "corpus/sample/judged/qrels.tsv",
        "searchsvc/data/abbreviations.txt",
        "web/static/style.css",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith("tests")]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from web.cli import run\n"
        "import corpus; assert corpus.__file__.startswith(sys.argv[1])\n"
        "from importlib.resources import as_file, files\n"
        "with as_file(files('corpus') / 'sample' / 'articles.jsonl') as rows:\n"
        "    code = run(['--data-dir', sys.argv[2], 'import', str(rows)])\n"
        "sys.exit(code or run(['--data-dir', sys.argv[2], 'query', 'наставничество']))\n"
    )
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEARCHSVC_", "PYTHON"))
    }
    ran = subprocess.run(
        [sys.executable, "-c", script, str(site), str(tmp_path / "data")],
        cwd=tmp_path,
        env=clean | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Найдено" in ran.stdout
