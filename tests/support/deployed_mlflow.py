"""The server of mlflow/, as its Dockerfile and compose.yaml start it, on a PostgreSQL of the test.

Flags, variables and the accounts' file are read from those files, so that the test runs what is
deployed. Only the port, the folder of the artifacts and the address of PostgreSQL differ.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.gcs_server import free_port
from tests.support.servers import MlflowServer
from tests.support.waiting import exit_code, wait_until

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "mlflow"
# As a person would fill in mlflow/.env.
SECRETS = {
    "POSTGRES_PASSWORD": "of the database",
    "MLFLOW_AUTH_ADMIN_PASSWORD": "of the administrator",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the cookies",
}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's last stage: (instruction, the rest of its line)."""
    text = re.sub(r"\\\n\s*", " ", (FOLDER / "Dockerfile").read_text())
    rows = [line.partition(" ") for line in text.splitlines() if line and line[0] != "#"]
    last = max(i for i, row in enumerate(rows) if row[0] == "FROM")
    return [(name, rest) for name, _, rest in rows[last:]]


def image_environment() -> dict[str, str]:
    """Return the image's variables, with the path in this repository for a file that it copies."""
    found: dict[str, str] = {}
    copied = {}
    for name, rest in instructions():
        if name == "ENV":
            found |= dict(pair.split("=", 1) for pair in rest.split())
        if name == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            copied[target] = str(FOLDER / source)
    assert found
    return {k: copied.get(v, v) for k, v in found.items()}


def image_command(program: str, port: int) -> list[str]:
    """Return ENTRYPOINT and CMD, with the program and the port of the test."""
    words = [json.loads(rest) for name, rest in instructions() if name in ("ENTRYPOINT", "CMD")]
    assert len(words) == 2
    command = [*words[0], *words[1]]
    assert command[0] == "mlflow"
    command[0] = program
    command[command.index("--port") + 1] = str(port)
    return command


def compose_environment(filled_in: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that compose.yaml gives the server, with the values of a filled-in .env."""
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["mlflow"]

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if name in filled_in:
            return filled_in[name]
        assert kind == ":-", f"compose.yaml needs {name} in .env"
        return rest

    return {
        name: re.sub(r"\$\{([A-Z_]+)(:[-?])([^}]*)\}", value, text)
        for name, text in service["environment"].items()
    }


def deployed_server(folder: Path, database: Mapping[str, str]) -> MlflowServer:
    """Return the server, not started yet; `folder` gets its artifacts and its log."""
    program = REPOSITORY / ".venv-mlflow" / "bin" / "mlflow"
    assert program.exists(), (
        "The server's own environment is missing: run `make test-mlflow-server`."
    )
    port = free_port()
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    environment = image_environment()
    environment["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    environment |= compose_environment(SECRETS | {"MLFLOW_ARTIFACTS_DESTINATION": str(artifacts)})
    hosts = environment["MLFLOW_SERVER_ALLOWED_HOSTS"].replace(":5000", f":{port}")
    environment |= {"MLFLOW_SERVER_ALLOWED_HOSTS": hosts, **database}
    command = image_command(str(program), port)
    return MlflowServer(command, port, folder / "server.log", environment)


@contextmanager
def postgresql(user: str, password: str) -> Iterator[dict[str, str]]:
    """Run a real PostgreSQL with the database that compose.yaml names; yield libpq's variables."""
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["database"]
    name = service["environment"]["POSTGRES_DB"]
    # PostgreSQL does not run as root; Debian's package creates a user for it.
    how: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="streetloop-pg-") as place:
        folder = Path(place)
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            how = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        secret = folder / "password"
        secret.write_text(password)
        secret.chmod(0o644)
        data, port = folder / "data", str(free_port())
        initialize = [_program("initdb"), "-D", str(data), "-U", user, "-E", "UTF8"]
        initialize += [f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"]
        subprocess.run(initialize, check=True, capture_output=True, cwd=folder, **how)
        serve = [_program("postgres"), "-D", str(data), "-k", str(folder), "-p", port]
        serve += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        server = subprocess.Popen(
            serve, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how
        )
        found = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": user, "PGPASSWORD": password}
        try:
            create = [_program("createdb"), name]
            wait_until(lambda: _succeeds(create, found), server)
            yield found
        finally:
            server.terminate()
            exit_code(server)


def _succeeds(command: list[str], found: Mapping[str, str]) -> bool:
    done = subprocess.run(command, env={**os.environ, **found}, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def _program(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    found = shutil.which(name, path=path)
    assert found, f"PostgreSQL's {name} not found. Install it (Debian: postgresql)."
    return found
