"""The ear on files: what a live call would have heard in them, and when its message would have begun."""
