"""Fixtures of the storage tests; `storage` itself, over every implementation, is in tests/conftest.py."""

from __future__ import annotations

import pytest


@pytest.fixture
def conditional_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a delete in the bucket check the generation, as the service does and the test server does not."""
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud.storage import Blob

    real = Blob.delete

    def delete(self: Blob, if_generation_match: int | None = None, **options: object) -> None:
        self.reload()
        if if_generation_match not in (None, self.generation):
            raise PreconditionFailed("conditionNotMet")
        real(self, **options)

    monkeypatch.setattr(Blob, "delete", delete)
