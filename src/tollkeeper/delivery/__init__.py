"""Telling the app what happened, and running what is due: after the commit, never within it.

Nothing here decides about money, and nothing that fails here undoes any.
"""
