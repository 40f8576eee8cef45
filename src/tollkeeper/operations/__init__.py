"""The rooms: one file a noun, each verb checks its call and makes a request of it.

A room never opens a transaction and never writes; it hands requests to a door.
"""
