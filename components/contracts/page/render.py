"""HTML pages for people: each is one self-contained document in the project's look.

A page holds its style and its images and runs no script, because Kubeflow Pipelines shows it in a
sandboxed frame. A step keeps its templates in its own folder; they extend `base.html` of this room.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_JPEG = b"\xff\xd8\xff"
_SHARED = Path(__file__).with_name("templates")


class Page(Protocol):
    """The contents of one page: a dataclass or model of the step that shows it."""

    @property
    def title(self) -> str:
        """The document's title and heading."""
        ...


def render(template: Path, page: Page) -> str:
    """Render one page as an HTML document; whatever text it shows is escaped.

    Args:
      template: the step's template, which sees `page`. What it names must exist.
      page: what to show.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["data_uri"] = _data_uri
    return environment.get_template(template.name).render(page=page)


def _data_uri(picture: bytes) -> str:
    kind = "jpeg" if picture.startswith(_JPEG) else "png"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
