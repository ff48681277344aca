"""How well the ear hears: a corpus of synthetic calls, a scorer, and others' detectors beside ours.

Run as ``python -m tests.bench.detection``; `README.md` says what is in the corpus and what the figures mean.
"""
