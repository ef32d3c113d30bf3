"""Upload a local file to a bucket in pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# A retry repeats a piece and not the file.
CHUNK_BYTES = 16 << 20
# How often a file is sent whose checksum differs on arrival, or whose session is lost.
UPLOADS = 4
SESSION_OVER = {404, 410}


def upload(blob: Any, local: Path, **options: Any) -> None:
    """Upload a file to a blob; start from scratch when a resumable upload cannot be resumed.

    Args:
        blob: of the client library.
        local: the file.
        options: of `upload_from_filename`.
    """
    from google.api_core.exceptions import ClientError
    from google.cloud.storage.exceptions import DataCorruption

    # For uploads only: a download in pieces fails on an empty file.
    blob.chunk_size = CHUNK_BYTES
    for left in reversed(range(UPLOADS)):
        try:
            blob.upload_from_filename(str(local), **options)
            return
        except (ClientError, DataCorruption) as error:
            # A piece that was sent again after a lost answer may have been stored twice, or its
            # session may be over.
            lost = isinstance(error, DataCorruption) or error.code in SESSION_OVER
            if not lost or left == 0:
                raise
