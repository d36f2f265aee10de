"""The two most telling simulations again: over real sockets, with many processes."""
