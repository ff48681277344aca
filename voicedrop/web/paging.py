"""Pages of lists that are ordered by id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from voicedrop.store.database import Row
from voicedrop.web.fields import PageQuery, bad_cursor, cursor_at


def id_after(query: PageQuery) -> UUID | None:
    """The id of the last row of the page before.

    Raises:
        Problem: the cursor is none of ours.
    """
    place = query.after()
    if not place:
        return None
    try:
        return UUID(place)
    except ValueError:
        raise bad_cursor() from None


def page(rows: list[Row], limit: int, *, by: str = "id") -> dict[str, Any]:
    """A page's fields from its rows, ordered `by` a column, of which one more than `limit` was asked for."""
    more = len(rows) > limit
    return {"items": rows[:limit], "next": cursor_at(rows[limit - 1][by]) if more else None}
