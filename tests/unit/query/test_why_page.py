"""The page of a query shows every image that is asked for, why, and what it resembles."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from components.contracts.step.results import QueryResult
from components.contracts.storage.open import open_storage
from components.query import page as page_module
from components.query.artifacts import fill
from components.query.explain import Explainer
from components.query.page import Asked, heat, why_page
from components.query.scored import Alike, Scored
from tests.unit.query.pools import photos

SIZE = (200, 640)


class Records:
    """Noise, as cameras have it: pictures that do not compress to nothing."""

    def read(self, image_id: str) -> Any:
        rng = np.random.default_rng(sum(image_id.encode()))
        return SimpleNamespace(image=rng.integers(0, 256, (*SIZE, 3), np.uint8))


class Predictor:
    """Sure of road on the left, and of nothing on the right."""

    def probabilities(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        out = np.full((*size, 19), 1 / 19, np.float32)
        out[:, : size[1] // 2] = np.eye(19, dtype=np.float32)[0]
        return out


RECORDS: Any = Records()
PREDICTOR: Any = Predictor()


def asked(count: int, alike: dict[str, Alike] | None = None) -> Asked:
    chosen = [Scored(f"ulm_<{k}>", 1.0 - k / 100, f"reason & {k}") for k in range(count)]
    return Asked(chosen, alike or {}, "entropy", "The pool is video.", 500)


class Document(HTMLParser):
    """Checks that every element is closed in order, and collects images and texts."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_image_is_shown_with_its_reason_and_its_neighbour() -> None:
    alike = {"ulm_<0>": Alike("bonn_1", 12.34, 0.915)}
    found = Document(why_page("t", asked(3, alike), RECORDS, PREDICTOR))
    for k in range(3):
        assert f"{k + 1}. ulm_<{k}>" in found.text
        assert f"Reason & {k}." in found.text
    assert (
        "nearest labeled or requested image: bonn_1, distance 12.3; 92 % of the pool" in found.text
    )
    captions = [str(image["alt"]).partition(":")[0] for image in found.images]
    views = ["image", "prediction", "uncertainty"]
    assert captions == [*views, "nearest labeled or requested image", *views, *views]
    assert "images: 3 of 500" in found.text
    assert "The pool is video." in found.text


def test_pictures_are_small_jpegs_within_the_page() -> None:
    found = Document(why_page("t", asked(1), RECORDS, PREDICTOR))
    for image in found.images:
        kind, _, data = str(image["src"]).partition(",")
        assert kind == "data:image/jpeg;base64"
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (100, 320, 3)
    doubt = picture[..., ::-1].astype(int)  # the last one
    assert doubt[:, :150].max() < 30
    assert doubt[:, 170:, :2].min() > 200


def test_the_page_needs_nothing_else() -> None:
    page = why_page("t", asked(2), RECORDS, PREDICTOR)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_cold_start_shows_the_images_alone() -> None:
    found = Document(why_page("t", asked(2), RECORDS, None))
    assert [image["alt"] for image in found.images] == ["image", "image"]
    assert "There is no model yet" in found.text


def test_a_large_query_has_a_small_page_that_names_every_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_module, "_MOST_PICTURED", 3)
    page = why_page("t", asked(40), RECORDS, PREDICTOR)
    found = Document(page)
    assert len(found.images) == 9
    for k in range(40):
        assert f"ulm_<{k}>" in found.text
        assert f"eason & {k}" in found.text
    assert len(page) < 9 * 70_000  # noise is the worst case


def test_doubt_is_painted_from_black_to_yellow() -> None:
    painted = heat(np.array([[0.0, 0.25, 1.0]], np.float32))[0].astype(int)
    assert painted[0].max() < 10
    assert painted[1, 0] > painted[1, 2] + 50
    assert painted[2].min() > 100
    assert painted[2, 0] > 200


def test_the_neighbour_is_the_labeled_image_that_looks_most_like_it() -> None:
    pool = photos(40, labeled=4)
    names = [f"labeled {k}" for k in range(4)]
    explainer = Explainer(pool, names, "because")
    away = np.linalg.norm(pool.embeddings[:, None] - pool.labeled_embeddings[None], axis=2)
    order = np.argsort(away.min(1))
    for rank, index in enumerate(order):
        near = explainer.nearest(int(index))
        assert near is not None
        assert near.image_id == names[int(away[index].argmin())]
        assert near.distance == pytest.approx(away[index].min(), rel=1e-5)
        assert near.nearer == pytest.approx(rank / len(pool), abs=1e-6)
        far = explainer.explain(int(index)).endswith("; unlike anything labeled or requested")
        assert far == (rank >= 0.9 * len(pool))


def test_a_reason_is_given_once() -> None:
    pool = photos(40, labeled=4)
    explainer = Explainer(pool, list("abcd"), "unlike anything labeled or requested")
    for index in range(len(pool)):
        assert explainer.explain(index).count("unlike anything labeled or requested") == 1


def test_nothing_resembles_what_was_not_looked_at() -> None:
    nobody = Explainer(photos(10, labeled=0), [], "because")
    assert nobody.nearest(0) is None
    assert "unlike" not in nobody.explain(0)


def test_the_artifact_is_the_page_or_says_that_there_is_none(tmp_path: Any) -> None:
    artifact = SimpleNamespace(path=str(tmp_path / "why.html"))

    def shown(result: QueryResult) -> str:
        fill(str(tmp_path / "root"), result, artifact)
        return (tmp_path / "why.html").read_text()

    open_storage(str(tmp_path / "root")).write("queries/2/why.html", b"the page")
    assert shown(QueryResult(asked=1, prefix="queries/2")) == "the page"
    assert "asked for no labels" in shown(QueryResult(asked=0, prefix=None))
    assert "explained nothing" in shown(QueryResult(asked=1, prefix="queries/1"))
