"""Opening training data: which unlabeled images are drawn, and a CutMix without a partner."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from components.train.input.data import Data
from tests.support.fits import settings_of

SUPERVISED = dict.fromkeys(
    ("adversarial_unlabeled", "semi_supervised", "consistency", "feature_consistency"), 0.0
)


@pytest.mark.parametrize(("objectives", "drawn"), [({}, True), (SUPERVISED, False)])
def test_data_draws_unlabeled_images_only_for_an_objective_that_reads_them(objectives, drawn):
    records = SimpleNamespace(ids=lambda split: ["a"])
    settings = settings_of(objectives=objectives)
    assert (Data.of(records, records, ["b"], settings).unlabeled is not None) == drawn


@pytest.mark.parametrize(
    ("count", "share", "warned"), [(1, 0.5, True), (2, 0.5, False), (1, 0.0, False)]
)
def test_data_warns_of_a_cutmix_that_mixes_nothing(count, share, warned, caplog):
    records = SimpleNamespace(ids=lambda split: ["a"])
    settings = settings_of(unlabeled_batch_size=count, augment={"cutmix_share": share})
    Data.of(records, records, ["b", "c"], settings)
    assert ("unlabeled_batch_size to 2 or more" in caplog.text) == warned
