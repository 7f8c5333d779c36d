"""From where the explorer may be reached, and under which names."""

import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from vis3d_viewer.reach import reach

from tests.needs import need
from vis3d.errors import UsageError


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A certificate and its key."""
    need(which("openssl") is not None, "openssl: `apt-get install openssl`")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    where = ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*made, *where, *name], check=True, capture_output=True)
    return {"tls_cert": cert, "tls_key": key}


def test_without_options_this_machine_alone_is_served() -> None:
    where = reach()
    assert where.host == "127.0.0.1"
    assert where.address(8080, "K") == "http://127.0.0.1:8080/?key=K"
    assert not where.door.secure


@pytest.mark.parametrize(
    "options",
    [
        {"host": "0.0.0.0"},
        {"host": "192.168.1.5"},
        {"host": "myhost.example"},
        {"host": "::"},
        {"host": "0.0.0.0", "allow_remote": True},
        {"allow_remote": True},
        {"behind_proxy": "https://vis3d.example"},
        {"tls_cert": Path("cert.pem")},
        {"allow_remote": True, "behind_proxy": "http://vis3d.example"},
        {"allow_remote": True, "behind_proxy": "https://vis3d.example/below"},
        {"allow_remote": True, "behind_proxy": "https://user@vis3d.example"},
        {"allow_remote": True, "behind_proxy": "vis3d.example"},
        {"allow_remote": True, "tls_cert": Path("none.pem"), "tls_key": Path("none.pem")},
    ],
)
def test_scans_are_never_served_in_the_open(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        reach(**options)


def test_tls_lets_other_machines_in_under_the_servers_names(pair: dict[str, Any]) -> None:
    where = reach(host="scans.example", allow_remote=True, **pair)
    assert where.address(443, "K") == "https://scans.example:443/?key=K"
    assert where.door.secure
    assert "scans.example" in where.door.names
    assert reach(allow_remote=True, **pair).host == "0.0.0.0"


def test_a_damaged_certificate_is_refused(pair: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("nothing")
    with pytest.raises(UsageError, match="belong together"):
        reach(tls_cert=tmp_path / "bad.pem", tls_key=pair["tls_key"])


def test_a_proxy_gives_the_address_and_this_machine_listens_to_it() -> None:
    where = reach(allow_remote=True, behind_proxy="https://Scans.example/")
    assert where.host == "127.0.0.1"
    assert where.address(8080, "K") == "https://scans.example/?key=K"
    assert where.door.secure
