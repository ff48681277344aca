"""What is known of many streams, a row each."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.intp]
"""Of rows."""
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_FEWEST: Final = 8


class Rows:
    """Rows of numbers that have names, all alike at first. There are as many as have been asked for."""

    def __init__(self, dtype: Any, **fresh: Any) -> None:
        """What each row is (a numpy dtype with names), and what is in a fresh one where that is not zero."""
        self._fresh = np.zeros(1, dtype)
        for name, value in fresh.items():
            self._fresh[name] = value
        self._all = self._fresh[:0]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One number of each row, or several: of shape (rows,) or (rows, n). To be written to as well."""
        return self._all[name]

    def renew(self, row: int) -> None:
        """A fresh one, whatever was there."""
        while row >= len(self._all):
            self._all = np.concatenate((self._all, self._fresh.repeat(max(_FEWEST, len(self._all)))))
        self._all[row] = self._fresh[0]
