"""What REST is asked, read after read, and what its rows become: the common ground of repair, audit and snapshot."""
