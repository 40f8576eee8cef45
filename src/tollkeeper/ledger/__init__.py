"""THE ONLY WRITER OF BALANCES: lock, load, decide, write; read; audit.

`change` is the protocol of a change; `book` the rows it decides over; `codec` how rows become
values and back; `reading` answers without writing; `sweep` books what time did; `audit` checks
every law.
"""
