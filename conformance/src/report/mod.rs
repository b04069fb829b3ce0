//! Results as people and programs read them. Every report is a view of the same outcomes.

pub mod changes;
pub mod diff;
pub mod json;
pub mod junit;
pub mod matrix;
pub mod terminal;
