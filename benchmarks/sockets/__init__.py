"""Two of the simulations over real sockets, with many client processes."""
