"""Metered calls of AI vendors: held before, extended while they run, settled at what they used.

The laws. The vendor is called only while something is held (B4, C7). What is known of the usage is
written down before it is booked (B5). Whatever happens to the call, its process or the database,
the hold ends once: settled at what was used, at what was seen of it, or at the estimate, or
released where nothing was delivered. A call is never free in silence.
"""
