"""Pure decisions: state + request + now → outcome. No SQL, no clock, no network, no randomness.

`accounts` holds the state and the one function that changes it (`post`); `burning` the burn order;
`advancing` what time alone does; the other modules one family of verbs each.
"""
