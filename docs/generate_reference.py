"""Write docs/reference and the pictures in docs/architecture.md from the code.

python docs/generate_reference.py          writes what has changed
python docs/generate_reference.py --check  exits with 1 if something would change
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
# As a script, Python looks beside the file only; as a module of a test, not even there.
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from architecture_picture import architecture  # noqa: E402
from command_page import commands  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from recipe_page import recipes  # noqa: E402

from components.contracts.step.report import CycleReport  # noqa: E402
from pipelines.campaign.status import CampaignStatus  # noqa: E402
from pipelines.simulate.analysis import Analysis  # noqa: E402

WRITTEN_BY = "<!-- Written by docs/generate_reference.py; change the code and run it again. -->\n"


def schema(model: type[BaseModel]) -> str:
    """Return the JSON schema of a file or an output that other programs read."""
    return json.dumps(model.model_json_schema(mode="serialization"), indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them with what is there."""
    drawn = DOCS / "architecture.md"
    pages = {
        DOCS / "reference" / "recipes.md": recipes(WRITTEN_BY),
        DOCS / "reference" / "commands.md": commands(WRITTEN_BY),
        drawn: architecture(drawn.read_text()),
        DOCS / "reference" / "report.schema.json": schema(CycleReport),
        DOCS / "reference" / "status.schema.json": schema(CampaignStatus),
        DOCS / "reference" / "simulation.schema.json": schema(Analysis),
    }
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    checking = "--check" in arguments
    for path in stale:
        print(f"{'Out of date' if checking else 'Wrote'}: {path.relative_to(DOCS.parent)}")
        if not checking:
            path.write_text(pages[path])
    return int(checking and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
