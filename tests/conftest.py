"""For every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that sets logging up does not do so for those behind it."""
    yield
    structlog.reset_defaults()
