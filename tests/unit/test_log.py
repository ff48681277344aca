"""What the log says, and what it never says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from voicedrop import log


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_shows_no_values(style: Literal["console", "json"], capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(style, "info")

    def broken(token: str) -> None:
        raise RuntimeError(f"a fault with {len(token)} characters")

    try:
        broken("vd_" + "secret")
    except RuntimeError:
        structlog.get_logger("test").exception("request_failed")
    shown = capsys.readouterr().err
    assert "a fault with 9 characters" in shown
    assert "vd_secret" not in shown
