"""A small oblique phantom as files, and a way to run the command line on it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vis3d_cli.main import main

from tests.conftest import oblique_geometry
from vis3d.files import write_labelmap, write_volume
from vis3d.phantom import Phantom, chest_phantom

SHAPE = (64, 80, 88)
SPACING = (4.4, 4.8, 5.0)
"""The grid's box cuts the skeleton."""

Answer = Callable[..., Any]


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    direction = oblique_geometry().direction
    return chest_phantom(shape=SHAPE, spacing=SPACING, direction=direction)


@pytest.fixture(scope="session")
def scan(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom as a NIfTI file."""
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    write_volume(phantom.volume, path)
    return path


@pytest.fixture(scope="session")
def truth(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its exact label map."""
    path = tmp_path_factory.mktemp("truth") / "truth.nii.gz"
    write_labelmap(phantom.labels, path)
    return path


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """The JSON document that a command prints, and nothing else, when it succeeds."""

    def ask(*tokens: object) -> Any:
        capsys.readouterr()
        assert main([*map(str, tokens), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The exit code and the one line on stderr of a command that refuses."""

    def ask(*tokens: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main([str(token) for token in tokens])
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("vis3d: ")
        assert printed.err.count("\n") == 1
        return code, printed.err

    return ask
