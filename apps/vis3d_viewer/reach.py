"""From where the explorer can be reached: this machine alone, unless more is asked for."""

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vis3d.errors import UsageError
from vis3d_viewer.security import LOCAL as LOCAL_DOOR
from vis3d_viewer.security import LOCAL_NAMES, Door

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Reach:
    """The address to listen on, who is answered there, and the certificate."""

    host: str = LOOPBACK
    door: Door = LOCAL_DOOR
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def address(self, port: int, key: str) -> str:
        """What a person opens, key included."""
        if self.door.public:
            return f"{self.door.public}/?key={key}"
        name = socket.gethostname() if self.host in EVERYWHERE else self.host
        name = f"[{name}]" if ":" in name else name
        return f"{'https' if self.door.tls else 'http'}://{name}:{port}/?key={key}"


def reach(
    *,
    host: str | None = None,
    allow_remote: bool = False,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    behind_proxy: str = "",
) -> Reach:
    """What the options ask for; other machines only with TLS or a proxy that has it.

    Raises:
        UsageError: the options would show scans to the network in the open, or don't fit.
    """
    if host is None:
        host = EVERYWHERE[0] if allow_remote and not behind_proxy else LOOPBACK
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together.")
    if not allow_remote and (not _is_loopback(host) or behind_proxy):
        raise UsageError(
            "Others would reach this server: say --allow-remote, with --tls-cert and --tls-key "
            "or --behind-proxy URL."
        )
    if allow_remote and not (tls_cert or behind_proxy):
        raise UsageError(
            "Scans don't travel unencrypted: --allow-remote needs --tls-cert and --tls-key, or "
            "--behind-proxy URL where a proxy speaks https."
        )
    if tls_cert is not None and tls_key is not None:
        _check_certificate(tls_cert, tls_key)
    public = _public(behind_proxy) if behind_proxy else ""
    names = set(LOCAL_NAMES)
    if not _is_loopback(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        names |= set() if host in EVERYWHERE else {f"[{host}]" if ":" in host else host.lower()}
    return Reach(host, Door(frozenset(names), tls_cert is not None, public), tls_cert, tls_key)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _public(url: str) -> str:
    """A proxy's address without its trailing slash."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc or "@" in url or "?" in url:
        raise UsageError("--behind-proxy takes the address people open: https://NAME[:PORT].")
    if parts.path not in ("", "/"):
        raise UsageError("--behind-proxy: vis3d needs a name of its own, not a path below one.")
    return f"https://{parts.netloc.lower()}"


def _check_certificate(cert: Path, key: Path) -> None:
    if "," in f"{cert}{key}":  # wslink takes both in one text with a comma between
        raise UsageError("The paths of --tls-cert and --tls-key can't have a comma in them.")
    try:
        for path in (cert, key):
            path.read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except ssl.SSLError as error:  # an OSError too, whose words help nobody
        raise UsageError(
            "The certificate can't be used: --tls-cert and --tls-key take PEM files that "
            "belong together, first the certificate, then its key."
        ) from error
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}.") from error
