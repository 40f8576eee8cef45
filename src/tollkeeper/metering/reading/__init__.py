"""Readers: a file for each shape in which usage comes, all giving the one meaning of `ModelUsage`.

They know responses by their shape, and import nobody's package. What a reader cannot place it
says: `unknown` where no price holds for it, `unsplit` where it is part of a count that is priced.
"""
