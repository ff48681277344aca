"""One profile of hypothesis: the same examples on each run, and no wall clock."""

from hypothesis import settings

settings.register_profile("voicedrop", deadline=None, derandomize=True, database=None, print_blob=False)
settings.load_profile("voicedrop")
