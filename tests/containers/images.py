"""Images that Dockerfile and docker-compose.yaml begin with, made of Debian's packages where no registry can be reached.

    python -m tests.containers.images

An image that is there, or that can be pulled, is left alone. Needs Docker, root, debootstrap and Debian's packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ca-certificates", "passwd", "postgresql", "python-is-python3", "python3", "python3-pip", "python3-venv")
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
# What the official image does with these variables, and no more.
POSTGRES = """#!/bin/sh
set -eu
export PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
data=/var/lib/postgresql/data
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
if [ ! -s "$data/PG_VERSION" ]; then
  install --directory --owner postgres --mode 0700 "$data"
  as_postgres initdb --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS --pgdata "$data"
  echo "host all all all $POSTGRES_HOST_AUTH_METHOD" >> "$data/pg_hba.conf"
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D "$data" -c listen_addresses='*'
"""


def wanted() -> list[str]:
    """The images that are asked for by name, in the order of the files."""
    docker, compose = ((ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yaml"))
    names = [*re.findall(r"^FROM (\S+:\S+)", docker, re.MULTILINE), *re.findall(r"^ +image: (\S+:\S+)", compose, re.MULTILINE)]
    return list(dict.fromkeys(names))


def is_there(image: str) -> bool:
    return any(
        subprocess.run(["docker", *command, image], capture_output=True, check=False).returncode == 0
        for command in (("image", "inspect"), ("pull", "--quiet"))
    )


def make(images: list[str], folder: Path) -> None:
    """Make one system of Debian's with Python and PostgreSQL, which stands in for all of these."""
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", folder], check=True)
    # The registries of this machine are reached as it reaches them itself.
    shutil.copyfile(os.environ.get("SSL_CERT_FILE", f"/{CERTIFICATES}"), folder / CERTIFICATES)
    (folder / "etc/pip.conf").write_text(f"[global]\ncert = /{CERTIFICATES}\nbreak-system-packages = true\n")
    entry = folder / "usr/local/bin/postgres-entry-point"
    entry.write_text(POSTGRES)
    entry.chmod(0o755)
    for image in images:
        change = "ENTRYPOINT postgres-entry-point" if image.startswith("postgres:") else "CMD python"
        with subprocess.Popen(["tar", "--directory", folder, "--create", "."], stdout=subprocess.PIPE) as packing:
            subprocess.run(["docker", "import", "--change", change, "-", image], stdin=packing.stdout, check=True)


def main(folder: str | None = None) -> None:
    missing = [image for image in wanted() if not is_there(image)]
    if missing:
        with TemporaryDirectory() as temporary:
            make(missing, Path(folder or temporary) / "system")


if __name__ == "__main__":
    main(*sys.argv[1:2])
