//! The analyse function
