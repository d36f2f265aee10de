"""The library against real servers: what a reload, a restart or an idle timeout costs."""
