//! The person against a scripted server, in virtual time.
