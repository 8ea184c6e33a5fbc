"""A person detector of one's own, trained from scratch on rendered people.

`haechi vision train` runs the chain: sprites → pictures → training → export → score.
"""
