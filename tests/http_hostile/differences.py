"""Where a client of ours differs from the library on purpose, and why.

`DIFFERENCES[case][package]` is a pair: the list of outcomes, and the reason. A case that stands
here and does not differ fails, so that the table stays true.
"""

DIFFERENCES = {}
