//! The analyse-stream function
