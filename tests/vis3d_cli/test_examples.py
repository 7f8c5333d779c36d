"""Every example that a reader may copy is a command that parses."""

import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from vis3d_cli.application import COMMANDS, application
from vis3d_cli.main import main

ROOT = Path(__file__).parents[2]
DOCUMENTED = re.findall(
    r"^    (vis3d [a-z].*)$", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE
)


def parses(line):
    _, *tokens = shlex.split(line)
    application(tokens[0]).parse_args(tokens, exit_on_error=False, print_error=False)
    return True


@pytest.mark.parametrize("line", DOCUMENTED)
def test_the_examples_in_the_documentation_parse(line):
    assert parses(line)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_in_the_help_parses(command, capsys):
    assert main([command, "--help"]) == 0
    (line,) = re.findall(r"For example: (vis3d .*)", capsys.readouterr().out)
    assert parses(line)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_of_the_help_breaks_on_a_terminal_of_80_columns(command, capsys):
    assert main([command, "--help"]) == 0
    said, _, _ = capsys.readouterr().out.partition("╭")
    name = command.replace("-", "_")
    written = inspect.getdoc(getattr(import_module(f"vis3d_cli.commands.{name}"), name))
    assert set(written.splitlines()) <= {line.rstrip() for line in said.splitlines()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert any(line.split()[1] == command for line in DOCUMENTED)


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("convert", "VOLUME_SUFFIXES"),
        ("segment", "LABELMAP_SUFFIXES"),
        ("mesh", "SURFACE_SUFFIXES"),
    ],
)
def test_every_format_that_the_help_names_can_be_written(command, table, capsys):
    from vis3d import files

    assert main([command, "--help"]) == 0
    (output,) = re.findall(
        r"--output -o PATH(.*?)(?:--|\[)", capsys.readouterr().out, re.DOTALL
    )
    named = set(re.findall(r"\.[a-z0-9.]*[a-z0-9]", output))
    assert len(named) >= 5
    assert named <= set(getattr(files, table))
