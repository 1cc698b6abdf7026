"""The only code that waits: the one thread, the doors to the user's code, and the ways to the end."""
