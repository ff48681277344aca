"""Who answered? Our verdict and Asterisk's AMD() over the same synthetic calls: ``python -m tests.bench.verdict``."""
