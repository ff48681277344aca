"""The log: what a traceback tells."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from voicedrop import log


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(secret: str) -> None:
    if secret:
        raise RuntimeError("it went wrong")


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_does_not_tell_the_values_of_variables(
    style: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(style, "info")
    try:
        fail("".join(["vd_", "token"]))
    except RuntimeError:
        structlog.get_logger().exception("request_failed")
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "it went wrong" in told
    assert "vd_token" not in told
