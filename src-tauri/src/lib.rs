//! RetailFlow.
