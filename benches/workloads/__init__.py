"""The workloads: every function here fills one row of the table.

A workload takes a `Sampling` and returns a `Measurement`. Those that are a
number of equal operations on one loop are written as a coroutine function of
their count and made workloads by `per_operation`.
"""
