"""
What decides. Nothing in this floor waits, reads a clock, draws a random number or touches the outside.

Facts come in, commands go out, and time is an argument.
"""
