"""How calls become transactions: queue, batch, commit, answer; sync and async alike; `using`.

Transactions begin and end here and nowhere else. Doors decide nothing about money.
"""
