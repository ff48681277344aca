"""How well the ear hears: a corpus of synthetic calls, a scorer, and others' detectors beside ours.

Run as ``python -m tests.bench.detection``; `README.md` says what is in the corpus and what the figures mean.
"""

import os

# CPU seconds are of one core: numpy's linear algebra must not spin on others. Read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
