"""Values: what Tollkeeper counts with. Owns currencies, units, amounts, money, texts and moments.

Everything here is pure and frozen: no clock, no database, no environment, and never a binary
fraction. What comes in from a caller is checked here once, so that the rooms above may trust it.

- `currencies`: the currencies of ISO 4217 and their minor digits
- `units`: what an amount counts, and how many decimal digits it keeps
- `amounts`: between a caller's number and the ledger's 64-bit integer, exactly
- `money`: an amount with its currency
- `texts`: ids, keys, reasons and metadata that every database can store
- `moments`: times in UTC, to the microsecond
"""
