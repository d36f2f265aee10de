"""
Benchmarks of the layers and the pool beside other libraries: `python -m benchmarks`.

All figures that are compared come from one run on one machine, in which the cases take
turns. Figures of different runs, or of different machines, do not compare.
"""
