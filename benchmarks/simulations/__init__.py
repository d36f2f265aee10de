"""What the library decides, on a virtual clock: `--only simulations`."""
