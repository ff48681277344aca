"""Trees walked all at once say what each says alone."""

import numpy as np

from dsp.trees import Tree, Trees


def alone(tree: Tree, figures: list[float]) -> float:
    while isinstance(tree, tuple):
        figure, limit, low, high = tree
        tree = low if figures[figure] <= limit else high
    return tree


def grown(rng: np.random.Generator, depth: int) -> Tree:
    if depth == 0 or rng.random() < 0.2:
        return float(rng.normal())
    return int(rng.integers(3)), float(rng.integers(5)), grown(rng, depth - 1), grown(rng, depth - 1)


def test_each_as_alone_and_up_to_the_limit_is_below_it() -> None:
    rng = np.random.default_rng(1)
    trees = [grown(rng, depth % 6) for depth in range(40)]
    together = Trees(trees)
    for _ in range(50):
        figures = [float(figure) for figure in rng.integers(0, 6, 3)]  # many are just at a limit
        assert together.votes(figures) == [alone(tree, figures) for tree in trees]
