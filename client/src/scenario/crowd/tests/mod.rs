//! The crowd with real sockets: against a scripted server, and (ignored, for they take long or need its program)
//! against the real one.

mod real;
