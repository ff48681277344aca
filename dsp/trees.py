"""Decision trees that vote, all walked at once."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Tree: TypeAlias = "float | tuple[int, float, Tree, Tree]"
"""A vote, or (which of the figures, limit in its unit, the tree up to the limit, the tree above it)."""


class Trees:
    """The nodes of all trees, level by level, in arrays: 40 kB where tuples are 300, which no cache would keep."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        nodes, levels, at = list(trees), 0, 0
        figures: list[int] = []
        limits: list[float] = []
        lower: list[int] = []  # where the node up to the limit is; the one above it is the next
        votes: list[float] = []
        while at < len(nodes):
            levels += 1
            for number in range(at, len(nodes)):
                node = nodes[number]
                if isinstance(node, tuple):
                    figure, limit, low, high = node
                    lower.append(len(nodes))
                    nodes += [low, high]
                    vote = 0.0
                else:  # a leaf leads to itself
                    figure, limit, vote = 0, math.inf, node
                    lower.append(number)
                figures.append(figure)
                limits.append(limit)
                votes.append(vote)
            at = len(figures)
        self._roots = np.arange(len(trees))
        self._steps = levels - 1
        self._figures, self._limits, self._lower = np.array(figures), np.array(limits), np.array(lower)
        self._votes = np.array(votes)

    def votes(self, figures: Sequence[float]) -> list[float]:
        """What each tree says to the figures."""
        values, at = np.array(figures), self._roots
        for _ in range(self._steps):
            above = values.take(self._figures.take(at)) > self._limits.take(at)
            at = self._lower.take(at)
            at += above
        votes: list[float] = self._votes.take(at).tolist()
        return votes
