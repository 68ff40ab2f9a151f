//! What every account that a stack can be made in has in common, the rig's and Amazon's.

use crate::command::Ended;

/// An account of AWS to live in.
pub(crate) trait World {
    /// Runs the program to its end.
    fn run(&self, args: &[&str]) -> Ended;
    /// Runs an operation to its end and success; where that is the same each time, it is held against the recorded one.
    fn follow(&self, _operation: &str, args: &[&str]) -> Ended {
        self.run(args).succeeded()
    }

    /// The region to live in.
    fn region(&self) -> &str;
    /// What is in the account of the stack.
    fn remains(&self) -> Vec<String>;
    /// Disables an event rule behind Terraform's back, as somebody in the console would.
    fn disable_rule(&self, name: &str);
    /// Fails unless account and computer are as they were before the stack.
    fn assert_nothing_is_left(&self);
}
