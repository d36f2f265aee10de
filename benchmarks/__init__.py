"""
What RetryingTransport costs, next to other retrying transports: `python -m benchmarks`.

All that is compared comes from one run on one machine, the cases taking turns: figures
of different runs, or of different machines, do not compare.
"""
