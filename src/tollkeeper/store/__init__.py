"""Every SQL statement, and what differs between databases. Decides nothing; commits nothing.

`tables` shows the whole schema on one page; `database` knows the dialect; `bulk` writes and reads
many rows in one statement; the other modules hold one noun's statements each.
"""
