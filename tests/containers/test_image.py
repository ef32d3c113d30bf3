"""What the image is, and what it contains."""

from __future__ import annotations

import json
import re

import pytest
from packaging.markers import Marker

from tests.support.containers import STRICT, docker, image_name
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.containers
LARGEST = 2_500_000_000
# Imports every module of the project; a heavy one would not start without a library that was trimmed.
IMPORTS = """
import importlib, pkgutil, sys
count = 0
for top in ("streetloop", "pipelines", "components", "tfds_cityscapes"):
    package = importlib.import_module(top)
    for module in pkgutil.walk_packages(package.__path__, f"{top}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


@pytest.fixture(scope="module")
def image() -> str:
    return image_name()


def test_image_is_small_says_what_it_is_and_runs_as_a_number(image: str) -> None:
    (found,) = json.loads(docker("image", "inspect", image))
    assert found["Size"] < LARGEST
    assert found["Config"]["User"] == "10001:0"
    labels = found["Config"]["Labels"]
    names = ("title", "licenses", "version", "revision", "created")
    assert all(labels[f"org.opencontainers.image.{name}"] for name in names)
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    variables = dict(v.split("=", 1) for v in found["Config"]["Env"])
    assert variables["STREETLOOP_GIT_SHA"] == labels["org.opencontainers.image.revision"]


def test_all_of_the_project_can_be_imported_in_the_image(image: str) -> None:
    said = docker("run", "--rm", *STRICT, "-i", image, "python3", "-", fed=IMPORTS)
    assert int(said.split()[-1]) > 100


def test_the_sbom_lists_what_the_lock_names_and_the_system_s_packages(image: str) -> None:
    script = (REPOSITORY / "containers" / "sbom.py").read_text()
    said = docker("run", "--rm", *STRICT, "-i", image, "python3", "-", "name", fed=script)
    components = {row["purl"]: row for row in json.loads(said)["components"]}
    lock = (REPOSITORY / "requirements" / "cpu.txt").read_text()
    locked = re.findall(r"^([\w.-]+)==(\S+)(?: ; (.*?))? \\$", lock, re.MULTILINE)
    expected = {
        f"pkg:pypi/{name}@{version}"
        for name, version, marker in locked
        if not marker or Marker(marker).evaluate()  # the tests run with the Python of the image
    }
    assert len(expected) > 100
    assert expected <= set(components)
    assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in components)
    assert components["pkg:pypi/tensorflow-cpu@2.21.0"]["licenses"]
