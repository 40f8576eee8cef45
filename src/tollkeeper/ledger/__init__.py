"""THE ONLY WRITER OF BALANCES: lock, load, decide, write; read; audit.

`change` is the protocol of a change, `reading` answers without writing, `sweep` books what time
did, `audit` checks every law. README.md beside this file tells which module to open for what.
"""
