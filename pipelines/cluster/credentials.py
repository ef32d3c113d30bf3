"""Where the credentials for Kubeflow Pipelines come from: files, never the command line or a recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contracts.process.errors import UsageError

TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105, kfp's own variable, read only in a cluster
COOKIES_FILE = "STREETLOOP_KFP_COOKIES"
_PROJECTED = Path(
    "/var/run/secrets/kubeflow/pipelines/token"
)  # where kfp's documentation mounts it


@dataclass(frozen=True)
class Credentials:
    """Files that hold a token or cookies.

    Attributes:
      token: a file with a bearer token, read again for every request: the kubelet renews it.
      cookies: a file with the cookies of a login (Dex, oauth2-proxy).
    """

    token: Path | None = None
    cookies: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return them as arguments of kfp.Client.

        Raises:
          UsageError: a file is missing, empty or not what it should be.
        """
        given: dict[str, Any] = {}
        if self.token is not None:
            token = _read(self.token, TOKEN_FILE)
            if len(token.split()) != 1:
                raise UsageError(f"{self.token} (${TOKEN_FILE}) is not one token in one line.")
            from kfp.client import ServiceAccountTokenVolumeCredentials

            given["credentials"] = ServiceAccountTokenVolumeCredentials(str(self.token))
        if self.cookies is not None:
            given["cookies"] = _cookies(_read(self.cookies, COOKIES_FILE), self.cookies)
        return given

    def __str__(self) -> str:
        """Say which are used, without what they hold."""
        used = [
            f"the {what} in {path}"
            for what, path in (("token", self.token), ("cookies", self.cookies))
            if path is not None
        ]
        return " and ".join(used) or "no credentials"


def find_credentials() -> Credentials:
    """Return the files that the environment names, else the token that a pod has mounted."""
    token, cookies = (os.environ.get(name) for name in (TOKEN_FILE, COOKIES_FILE))
    if token:
        where = Path(token).expanduser()
    else:
        where = _PROJECTED
    return Credentials(
        token=where if token or where.exists() else None,
        cookies=Path(cookies).expanduser() if cookies else None,
    )


def _read(path: Path, variable: str) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"Cannot read {path} (${variable}): {why}.") from error
    if not text:
        raise UsageError(f"{path} (${variable}) is empty. Log in again and store it there.")
    return text


def _cookies(text: str, path: Path) -> str:
    """Return a Cookie header from `name=value; …`, or from the cookie file of curl or a browser."""
    pairs = []
    for line in text.splitlines():
        row = line.removeprefix("#HttpOnly_").split("\t")
        if len(row) == 7:  # Netscape's format: domain, flag, path, secure, expiry, name, value
            pairs.append(f"{row[5]}={row[6]}")
        elif line.strip() and not line.startswith("#"):
            pairs += [pair.strip() for pair in line.split(";") if pair.strip()]
    if not pairs or not all("=" in pair and pair.isprintable() for pair in pairs):
        raise UsageError(
            f"{path} (${COOKIES_FILE}) holds no cookies. Expected name=value, or a file that "
            "`curl --cookie-jar` wrote."
        )
    return "; ".join(pairs)
