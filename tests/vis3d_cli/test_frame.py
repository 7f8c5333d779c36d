"""The frame of the command line: help, exit codes, one-line errors, what may be printed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from vis3d_cli import application as frame
from vis3d_cli import options, say
from vis3d_cli.application import COMMANDS
from vis3d_cli.exit_codes import exit_code
from vis3d_cli.interrupt import interruptible, stop_if_asked
from vis3d_cli.main import main
from vis3d_cli.options import Manner
from vis3d_cli.watch import watching

from vis3d import errors, read_volume
from vis3d.progress import stop_signals

HEAVY = ("numpy", "scipy", "vtk", "vtkmodules", "pyvista", "trame", "pydicom", "PIL")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"For example: vis3d {command}" in shown
    assert "--quiet" in shown


@pytest.mark.parametrize("tokens", [["--help"], ["segment", "--help"], ["render", "--help"]])
def test_help_imports_no_heavy_library(tokens):
    done = run_python(
        "import sys; from vis3d_cli.main import main; "
        f"main({tokens!r}); print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_script_and_the_module_are_the_same_command():
    script = Path(sys.executable).with_name("vis3d")
    by_name = subprocess.run([script, "--version"], capture_output=True, text=True)
    by_module = subprocess.run(
        [sys.executable, "-m", "vis3d_cli", "--version"], capture_output=True, text=True
    )
    assert by_name.returncode == by_module.returncode == 0
    assert by_name.stdout == by_module.stdout != ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownStructureError("no such"), 2),
        (errors.SeveralSeriesError("two"), 2),
        (errors.NothingFoundError("none"), 3),
        (errors.TruncatedError("short"), 4),
        (errors.OutputError("full"), 5),
        (errors.RequirementError("no display"), 5),
        (MemoryError(), 4),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    assert exit_code(error) == code


@pytest.mark.parametrize(
    "tokens",
    [
        ["frobnicate"],
        ["info"],
        ["info", "x", "--no-such-option"],
        ["segment", "x"],
        ["mesh", "x", "-o", "y.stl", "--level", "much"],
        ["mesh", "x", "-o", "y.stl", "--coordinates", "xyz"],
        ["render", "x", "-o", "y.png", "--size", "big"],
        ["demo", "--port", "-1"],
        ["serve", "--port", "70000"],
        ["convert", "x", "-o", "y.nii", "--shape", "-1,2,3"],
        ["convert", "x", "-o", "y.nii", "--slices", "all"],
        ["convert", "x", "-o", "y.nii", "--isotropic", "-1"],
        ["convert", "x", "-o", "y.nii", "--isotropic", "nan"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(tokens, capsys):
    assert main(tokens) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("vis3d: ")
    assert printed.err.count("\n") == 1


def test_a_missing_input_is_exit_3(tmp_path, capsys):
    assert main(["info", str(tmp_path / "nowhere")]) == 3
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [errors.Cancelled, KeyboardInterrupt])
def test_a_stopped_command_is_exit_130(stop, monkeypatch, capsys):
    def stopped(tokens):
        raise stop

    monkeypatch.setattr(frame, "run", stopped)
    assert main(["info", "x"]) == 130
    assert capsys.readouterr() == ("", "vis3d: stopped.\n")


@pytest.mark.parametrize("module", ["cyclopts", "tempfile", "vis3d_cli.interrupt"])
def test_ctrl_c_is_heard_while_the_command_is_still_being_imported(module):
    code = f"""
import sys
class Interrupt:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            sys.meta_path.remove(self)
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
sys.modules.pop({module!r}, None)
from vis3d_cli.main import main
sys.exit(main(["info", "x"]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"vis3d: stopped.\n")


def test_a_defect_keeps_its_traceback(monkeypatch):
    def broken(tokens):
        raise ZeroDivisionError

    monkeypatch.setattr(frame, "run", broken)
    with pytest.raises(ZeroDivisionError):
        main(["info", "x"])


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("/lib/_ckdtree.so: failed to map segment from shared object"),
        ImportError("libgfortran.so: cannot allocate memory in static TLS block"),
    ],
)
def test_memory_that_runs_out_is_one_line_and_exit_4(error, monkeypatch, capsys):
    def starved(tokens):
        raise error

    monkeypatch.setattr(frame, "run", starved)
    assert main(["info", "x"]) == 4
    assert capsys.readouterr().err.startswith("vis3d: There isn't enough memory")


def test_an_error_quotes_no_control_characters(monkeypatch, capsys):
    def refuse(tokens):
        raise errors.InputError("bad\nname \x1b[31mred\x07 \u202eright-to-left")

    monkeypatch.setattr(frame, "run", refuse)
    assert main(["info", "x"]) == 4
    assert capsys.readouterr().err == "vis3d: bad name [31mred right-to-left\n"


def test_a_reader_that_leaves_early_is_no_error():
    script = Path(sys.executable).with_name("vis3d")
    with subprocess.Popen(
        [script, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("words", [["--help"], ["info", "--json", "SCAN"], ["info", "SCAN"]])
def test_a_full_disk_under_stdout_is_one_line_and_exit_5(words, scan):
    tokens = [str(scan) if word == "SCAN" else word for word in words]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [Path(sys.executable).with_name("vis3d"), *tokens],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 5
    assert done.stderr.startswith("vis3d: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_costs_only_what_it_would_have_shown(closed, scan, tmp_path):
    written = tmp_path / "scan.nii.gz"
    command = f'"$0" convert "$1" -o "$2" {closed}'
    tool = Path(sys.executable).with_name("vis3d")
    done = subprocess.run(["sh", "-c", command, tool, scan, written], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert read_volume(written).array.size > 0


def test_json_has_no_nan_and_no_numpy():
    document = {"a": float("nan"), "b": [np.float32(1.5), np.inf], "c": np.array([1, 2])}
    assert json.loads(say.json_text(document)) == {"a": None, "b": [1.5, None], "c": [1, 2]}


def test_json_is_ascii_so_that_any_pipe_takes_it():
    assert say.json_text("Schädel").isascii()


def test_quiet_says_nothing_but_answers_json(capsys):
    say.answer({"x": 1}, ["hello"], Manner(quiet=True))
    say.note("hello", Manner(quiet=True))
    assert capsys.readouterr() == ("", "")
    say.answer({"x": 1}, ["hello"], Manner(quiet=True, json=True))
    assert json.loads(capsys.readouterr().out) == {"x": 1}


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (options.size, "640x480", (640, 480)),
        (options.shape, "20,30,40", (20, 30, 40)),
        (options.spacing, "0.7,0.9,2.5", (0.7, 0.9, 2.5)),
        (options.slices, "10:20", slice(10, 20)),
        (options.slices, "-5:", slice(-5, None)),
        (options.names, "lungs, left-lung", ("lungs", "left-lung")),
    ],
)
def test_values_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (options.size, "0x480"),
        (options.size, "640×480"),
        (options.shape, "20,30"),
        (options.shape, "20.5,30,40"),
        (options.spacing, "0.7,inf,2.5"),
        (options.slices, "5"),
        (options.names, " , "),
    ],
)
def test_values_that_mean_nothing_are_refused(read, text):
    with pytest.raises(errors.UsageError):
        read(text)


def test_ctrl_c_is_heard_at_the_next_progress():
    with pytest.raises(errors.Cancelled), interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        with watching(Manner()) as progress:
            progress(0.5, "half way")
        pytest.fail("went on")


@pytest.mark.usefixtures("hangup_heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_work_that_does_not_listen_is_stopped_all_the_same(number):
    start = time.perf_counter()
    with pytest.raises(errors.Cancelled), interruptible():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert time.perf_counter() - start < 3


@pytest.mark.usefixtures("hangup_heard")
def test_what_nohup_started_outlives_its_terminal():
    assert signal.SIGHUP in stop_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert signal.SIGHUP not in stop_signals()


def test_a_library_that_never_comes_back_cannot_keep_the_process(tmp_path):
    """The key derivation runs for minutes in C, as VTK's first frame of a volume may."""
    code = f"""
import hashlib
from vis3d_cli.interrupt import interruptible
from vis3d.whole_file import whole_file
with interruptible(), whole_file({str(tmp_path / "out.stl")!r}) as unfinished:
    unfinished.write_text("half")
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        start = time.perf_counter()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.perf_counter() - start < 5  # on a busy machine; 0.3 s on an idle one
    assert said == b"vis3d: stopped.\n"
    assert not list(tmp_path.iterdir())


def test_a_module_that_swallows_what_is_raised_while_it_loads_cannot_keep_the_process(tmp_path):
    """VTK's modules answer with ImportError then, or crash."""
    module = "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(60)\n"
    module += "except BaseException:\n    raise ImportError('not found') from None\n"
    (tmp_path / "vtk_like.py").write_text(module)
    code = """
from vis3d_cli.interrupt import interruptible
with interruptible():
    import vtk_like
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == b"vis3d: stopped.\n"


def test_clean_up_after_ctrl_c_is_not_disturbed():
    with interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(errors.Cancelled):
            stop_if_asked()
        time.sleep(0.3)


@pytest.mark.parametrize(
    ("tokens", "code"),
    [
        (["slices", "LONG", "-o", "out"], 3),
        (["tags", "LONG"], 3),
        (["remove-background", "LONG", "-o", "out.png"], 3),
        (["phantom", "LONG", "--shape", "8,8,8"], 5),
        (["convert", "SCAN", "-o", "LONG.nii.gz"], 5),
        (["slices", "SCAN", "-o", "LONG"], 5),
        (["measure", "SCAN", "--csv", "LONG.csv"], 5),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(
    tokens, code, scan, tmp_path, refusal, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = {"SCAN": str(scan), "LONG": "y" * 300}
    named = [words.get(token, token.replace("LONG", "y" * 300)) for token in tokens]
    told, line = refusal(*named)
    assert (told, len(line) < 400) == (code, True)
    assert list(tmp_path.iterdir()) == []
