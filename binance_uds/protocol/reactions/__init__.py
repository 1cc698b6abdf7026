"""
What a session does about what it finds, by theme; the table in ``session.py`` says when.

A reaction is called with the session, the finding, the time and a random number for waits. It changes the session and
yields commands. Which state follows is the table's business alone.
"""
