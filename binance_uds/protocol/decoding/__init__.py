"""What a frame says: the strict way, which decides it, and the quick way of the usual frame, which says the same."""
