"""Build the documentation as a site in `site/`: python docs/build_site.py [mkdocs arguments].

The pages lie where the code lies, and their links are relative. So the pages are put together in a
folder of the same layout, and mkdocs checks every link and anchor there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
CONFIG = Path(__file__).with_name("mkdocs.yml")


def main() -> int:
    """Build; return the exit code of mkdocs."""
    with tempfile.TemporaryDirectory(prefix="streetloop-docs-") as folder:
        pages = Path(folder) / "pages"
        for path in sources():
            target = pages / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        config = yaml.safe_load(CONFIG.read_text())
        config["docs_dir"], config["site_dir"] = str(pages), str(REPOSITORY / "site")
        config["nav"] = [expanded(entry) for entry in config["nav"]]
        (Path(folder) / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False))
        command = [sys.executable, "-m", "mkdocs", *(sys.argv[1:] or ["build"])]
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        return subprocess.run(
            [*command, "--config-file", f"{folder}/mkdocs.yml"], env=environment, check=False
        ).returncode


def sources() -> list[Path]:
    """Return every page of the repository, and what pages of docs/ show or lead to."""
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    names = [
        name
        for name in tracked
        if (name.endswith(".md") and not name.startswith("tests/"))
        or (name.startswith("docs/") and not name.endswith((".py", ".yml")))
    ]
    return [REPOSITORY / name for name in names if (REPOSITORY / name).exists()]


def expanded(entry: object) -> object:
    """List a folder's pages where the navigation names the folder."""
    if isinstance(entry, dict):
        ((title, value),) = entry.items()
        if isinstance(value, str) and value.endswith("/"):
            pages = sorted((REPOSITORY / value).glob("*.md"), key=lambda p: (p.stem != "README", p))
            return {title: [str(page.relative_to(REPOSITORY)) for page in pages]}
        return {title: expanded(value)}
    if isinstance(entry, list):
        return [expanded(one) for one in entry]
    return entry


if __name__ == "__main__":
    sys.exit(main())
