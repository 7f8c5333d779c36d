"""What a browser sends: streamed, bounded, under harmless names, gone when it fails."""

import asyncio
import io
import stat
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, FormData, web
from aiohttp.test_utils import TestServer
from vis3d_viewer import routes, uploads
from vis3d_viewer.uploads import Upload, check_size, safe_name

from vis3d.errors import TooLargeError

Send = Callable[..., Awaitable[ClientResponse]]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("scan.nii.gz", "scan.nii.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\IM 1.dcm", "IM_1.dcm"),
        ("/", "file"),
        ("..", "file"),
        (".ssh", "ssh"),
        ("-rf", "rf"),
        ("a\0\n\x1b[31m.dcm", "a____31m.dcm"),
        ("Bühler.dcm", "B_hler.dcm"),
        ("", "file"),
        ("x" * 300 + ".zip", "x" * 96 + ".zip"),
    ],
)
def test_names_are_made_harmless(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


def test_files_of_one_name_keep_apart_and_dicom_apart_from_named_ones(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    places = []
    for name in ("a/IM1", "b/IM1", "scan.nrrd", "x.zip"):
        place = upload.place(name)
        place.write_bytes(b"x")
        places.append(place)
    assert len(set(places)) == 4
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert upload.inputs == [tmp_path / "dicom", places[2], places[3]]


def test_a_file_sent_alone_has_its_own_name_and_no_number(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    upload.place("random.dcm").write_bytes(b"x")
    assert [path / "random.dcm" for path in upload.inputs] == list(tmp_path.rglob("*.dcm"))


def test_the_voxels_of_a_header_lie_beside_it(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    for name in ("a/x.mhd", "a/x.zraw", "b/x.mhd", "b/x.zraw"):
        upload.place(name).write_bytes(b"x")
    assert len(upload.inputs) == 2
    for header in upload.inputs:
        assert header.suffix == ".mhd"
        assert header.with_suffix(".zraw").is_file()


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    async def question(send: Send, taken: list[Upload]) -> None:
        form = FormData()
        form.add_field("file", io.BytesIO(b"x" * 100), filename="IM1")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", lambda self, mode: Full())
            answer = await send(form)
        assert answer.status == 413
        assert "No space left" in await answer.text()
        assert not taken

    sent(tmp_path, question)
    assert not list(tmp_path.iterdir())


def test_too_many_files_and_bytes_are_refused(tmp_path: Path) -> None:
    upload = Upload(tmp_path, max_bytes=10, max_files=2)
    upload.place("a")
    upload.place("b")
    with pytest.raises(TooLargeError, match="files"):
        upload.place("c")
    upload.grew(10)
    with pytest.raises(TooLargeError):
        upload.grew(1)


def test_what_is_announced_as_too_large_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_size(None, tmp_path)
    check_size(10, tmp_path)
    with pytest.raises(TooLargeError, match="GiB"):
        check_size(uploads.MAX_BYTES + 1, tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(TooLargeError, match="disk"):
        check_size(10, tmp_path)


def sent(folder: Path, question: Callable[[Send, list[Upload]], Awaitable[None]]) -> None:
    """Ask the real address for uploads, on a server of its own."""
    taken: list[Upload] = []

    async def main() -> None:
        app = web.Application()

        def take_upload(upload: Upload) -> str:
            taken.append(upload)
            return "ticket"

        opening = SimpleNamespace(take_upload=take_upload)
        routes.add_opening_routes(app, opening, folder)  # type: ignore[arg-type]
        async with TestServer(app) as server, ClientSession() as client:

            async def send(data: Any, **options: Any) -> ClientResponse:
                return await client.post(server.make_url("/upload"), data=data, **options)

            await question(send, taken)

    asyncio.run(main())


def test_files_arrive_whole_in_a_private_folder(tmp_path: Path) -> None:
    large = bytes(range(256)) * 12_000  # more than one chunk

    async def question(send: Send, taken: list[Upload]) -> None:
        form = FormData(quote_fields=False)
        form.add_field("file", io.BytesIO(large), filename="deep/../IM0001")
        form.add_field("file", io.BytesIO(b"n"), filename="scan.nii.gz")
        answer = await send(form)
        assert answer.status == 200
        assert await answer.json() == {"ticket": "ticket"}

    sent(tmp_path, question)
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "dicom" / "0" / "IM0001").read_bytes() == large
    assert (folder / "named" / "0" / "scan.nii.gz").read_bytes() == b"n"


def test_what_is_too_much_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def question(send: Send, taken: list[Upload]) -> None:
        form = FormData()
        for n in range(5):
            form.add_field("file", io.BytesIO(b"x"), filename=f"IM{n}")
        answer = await send(form)
        assert answer.status == 413
        assert "files" in await answer.text()
        assert not taken

    monkeypatch.setattr(Upload, "__init__", _with_few_files(Upload.__init__))
    sent(tmp_path, question)
    assert not list(tmp_path.iterdir())


def _with_few_files(init: Any) -> Any:
    def few(self: Upload, folder: Path, max_bytes: int = 100) -> None:
        init(self, folder, max_bytes, 3)

    return few


def test_a_long_body_is_refused_by_its_announced_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        routes, "check_size", lambda length, folder: check_size(length, folder, 9)
    )

    async def question(send: Send, taken: list[Upload]) -> None:
        form = FormData()
        form.add_field("file", io.BytesIO(b"x" * 1000), filename="IM1")
        assert (await send(form)).status == 413

    sent(tmp_path, question)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"just text", "text/plain"),
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n\r\n--x--\r\n", "multipart/form-data"),
        (
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n"
            b"--y\r\n\r\nz\r\n--y--\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_what_is_no_upload_is_answered_in_words(tmp_path: Path, body: bytes, kind: str) -> None:
    async def question(send: Send, taken: list[Upload]) -> None:
        answer = await send(body, headers={"Content-Type": kind})
        assert answer.status == 400
        assert "Traceback" not in await answer.text()
        assert not taken

    sent(tmp_path, question)
    assert not list(tmp_path.iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def question(send: Send, taken: list[Upload]) -> None:
        started = asyncio.Event()

        async def body() -> Any:
            yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="IM1"\r\n\r\n'
            yield b"x" * 3_000_000
            started.set()
            await asyncio.sleep(30)

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        sending = asyncio.ensure_future(send(body(), headers=headers))
        await started.wait()
        sending.cancel()
        for _ in range(100):
            await asyncio.sleep(0.05)
            if not list(tmp_path.iterdir()):
                return
        raise AssertionError("The folder of the broken upload is still there.")

    sent(tmp_path, question)


def test_an_archives_names_never_become_paths(tmp_path: Path) -> None:
    """A zip is kept as it is: the loader streams its members and unpacks none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.dcm", b"x")

    async def question(send: Send, taken: list[Upload]) -> None:
        form = FormData()
        form.add_field("file", packed, filename="scan.zip")
        assert (await send(form)).status == 200
        assert [path.name for path in taken[0].inputs] == ["scan.zip"]

    sent(tmp_path, question)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"scan.zip"}
