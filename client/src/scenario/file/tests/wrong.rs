//! What is wrong in a file is said well.
