"""Print what an image contains as CycloneDX 1.6 (JSON): Python distributions and Debian packages.

It runs in the image, whose Python needs nothing else, so it finds what was installed, not what was asked for:

    docker run --rm --network none -i IMAGE python3 - NAME < containers/sbom.py > sbom.cdx.json
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageMetadata, distributions, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
_DPKG = Path("/var/lib/dpkg/status")


def python_component(found: Distribution) -> Component:
    """Return one installed distribution, with the licence that it states."""
    name, release, about = found.metadata["Name"], found.version, found.metadata
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{quote(release)}"
    return _component(name, release, purl, _licences(about))


def _licences(about: PackageMetadata) -> list[dict[str, Any]]:
    """Return CycloneDX's licences: an SPDX expression, else the names in classifiers, else the free text.

    The free text may be a whole licence; only a name of one line is taken.
    """
    if expression := about.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = about.get_all("Classifier") or []
    names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
    text = (about.get("License") or "").strip()
    if not names and text and "\n" not in text:
        names = [text]
    return [{"license": {"name": name}} for name in names]


def debian_components(status: str, release: str) -> list[Component]:
    """Return the installed packages of dpkg's status file; release: such as debian-12."""
    found = []
    for block in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != " "
        )
        if fields.get("Status") == "install ok installed":
            name, number, arch = (fields[key] for key in ("Package", "Version", "Architecture"))
            purl = f"pkg:deb/debian/{name}@{quote(number)}?arch={arch}&distro={release}"
            found.append(_component(name, number, purl, []))
    return found


def _component(name: str, number: str, purl: str, licences: list[dict[str, Any]]) -> Component:
    row = {"type": "library", "bom-ref": purl, "name": name, "version": number, "purl": purl}
    return row | ({"licenses": licences} if licences else {})


def bom(image: str, components: list[Component]) -> dict[str, Any]:
    """Return the whole document, sorted, so that equal images differ in the time only."""
    unique = {row["bom-ref"]: row for row in components}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": image,
                "version": f"{version('streetloop')}+{os.environ.get('STREETLOOP_GIT_SHA', 'unknown')}",
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": [unique[key] for key in sorted(unique)],
    }


if __name__ == "__main__":
    system = platform.freedesktop_os_release()
    packages = _DPKG.read_text() if _DPKG.exists() else ""
    release = f"{system['ID']}-{system.get('VERSION_ID', '')}"
    own = [python_component(d) for d in distributions() if d.metadata["Name"] != "streetloop"]
    print(json.dumps(bom(sys.argv[1], [*own, *debian_components(packages, release)]), indent=1))
