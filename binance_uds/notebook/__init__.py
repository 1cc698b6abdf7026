"""What people look at in a notebook: the stream as a display that follows it, its history as tables and as a plot."""
