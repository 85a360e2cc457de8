//! The lambent command: the whole API and stand-ins for its cloud, on this machine
