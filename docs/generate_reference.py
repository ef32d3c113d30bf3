"""Writes docs/reference/recipes.md and docs/reference/commands.md from the code.

python docs/generate_reference.py          writes the files
python docs/generate_reference.py --check  exits with 1 if they are not what it would write
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
# As a script, Python looks beside the file only; as a module of a test, not even there.
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from command_page import commands  # noqa: E402
from recipe_page import recipes  # noqa: E402

WRITTEN_BY = "<!-- Written by docs/generate_reference.py; change the code and run it again. -->\n"
PAGES = {"recipes.md": recipes, "commands.md": commands}


def main(arguments: list[str]) -> int:
    """Writes the pages, or compares them."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / "reference" / name, page(WRITTEN_BY)
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text)
    if stale:
        print(f"{'stale' if '--check' in arguments else 'wrote'}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
