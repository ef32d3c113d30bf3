"""What libraries read when they are imported: ours where it must be, and else the user's."""

from __future__ import annotations

import os
import tempfile

import pytest

from components.contracts.step.context import set_environment


def test_a_users_other_settings_of_keras_and_matplotlib_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"KERAS_BACKEND": "jax", "KERAS_HOME": "/home/me/.keras", "MPLBACKEND": "TkAgg"}
    monkeypatch.setattr(os, "environ", given | {"TF_CPP_MIN_LOG_LEVEL": "0", "HOME": "/home/me"})
    set_environment()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert not os.path.isdir(os.environ["KERAS_HOME"])
    assert os.environ["MPLBACKEND"] == "agg"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert os.environ["HOME"] == "/home/me"


def test_a_user_without_a_home_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # and no entry in /etc/passwd
    set_environment()
    assert os.environ["HOME"] == tempfile.gettempdir()
