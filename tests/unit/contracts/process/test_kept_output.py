"""What is kept of a process's output: bounded, and without secrets."""

from __future__ import annotations

import io

import pytest

from components.contracts.process.kept_output import (
    FIRST,
    LAST,
    KeptOutput,
    Tee,
    secrets_of,
    without_secrets,
)


def test_the_first_and_the_last_lines_are_kept_and_the_rest_is_counted() -> None:
    kept = KeptOutput()
    for number in range(100_000):
        kept.add(f"{number:09}\n")  # ten characters
    lines = kept.text().splitlines()
    assert len(kept.text()) <= FIRST + LAST + 40
    first, last = FIRST // 10, LAST // 10
    assert lines[:first] == [f"{n:09}" for n in range(first)]
    assert lines[first] == f"[{100_000 - first - last} lines left out]"
    assert lines[first + 1 :] == [f"{n:09}" for n in range(100_000 - last, 100_000)]


def test_a_line_without_end_is_bounded_too() -> None:
    kept = KeptOutput()
    for _ in range(3000):
        kept.add("x" * 1000)
    assert len(kept.text()) <= FIRST + LAST


def test_pieces_of_a_line_are_joined_and_a_bar_leaves_single_lines() -> None:
    kept = KeptOutput()
    for piece in ("one ", "line\n50 %\r", "100 %\r\n", "unfinished"):
        kept.add(piece)
    assert kept.text() == "one line\n50 %\n100 %\nunfinished"


def test_a_secret_is_hidden_even_if_it_arrives_in_pieces() -> None:
    kept = KeptOutput(["hunter22"])
    kept.add("password hun")
    kept.add("ter22 is wrong\nagain hunter22")
    assert kept.text() == "password *** is wrong\nagain ***"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://ann:hunter22@mlflow:5000/x", "http://***@mlflow:5000/x"),
        ("from http://ann:p@ss@mlflow:5000/a@b, twice", "from http://***@mlflow:5000/a@b, twice"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization: basic YW5uOmh1bnRlcjI=", "authorization: basic ***"),
        ("gs://bucket/run by ann@example.com", "gs://bucket/run by ann@example.com"),
    ],
)
def test_accounts_in_addresses_and_headers_are_hidden(text: str, expected: str) -> None:
    assert without_secrets(text, ()) == expected


def test_secrets_are_what_variables_of_such_names_hold() -> None:
    environment = {
        "MLFLOW_TRACKING_PASSWORD": "hunter22",
        "MLFLOW_TRACKING_USERNAME": "ann",
        "LABEL_STUDIO_API_KEY": "0123456789",
        "STREETLOOP_WEBHOOK_URL": "https://hooks.example/T0/B1/xyz",
        "OURS": "line one\nline two",
        "SHORT_TOKEN": "abc",
        "PATH": "/usr/bin",
    }
    assert secrets_of(environment, ["OURS", "ABSENT"]) == [
        "https://hooks.example/T0/B1/xyz",
        "0123456789",
        "hunter22",
        "line one",
        "line two",
    ]


def test_a_tee_writes_to_its_stream_as_well() -> None:
    raw, kept = io.BytesIO(), KeptOutput(["hunter22"])
    tee = Tee(io.TextIOWrapper(raw, "utf-8"), kept)
    print("hunter22 works", file=tee, flush=True)
    assert raw.getvalue() == b"hunter22 works\n"  # the pod's own log is the cluster's affair
    assert (tee.encoding, tee.buffer) == ("utf-8", raw)
    assert kept.text() == "*** works\n"
