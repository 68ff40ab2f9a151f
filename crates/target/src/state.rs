//! How a stack of services stands.

use protocol::service::{Health, ServiceStatus, StackState};
use protocol::{RunOutcome, RunState};

/// Where a stack stands, from its latest run and its services.
pub fn state_of_services(run: Option<&RunState>, services: &[ServiceStatus]) -> StackState {
    let count = |wanted: fn(&ServiceStatus) -> bool| services.iter().filter(|service| wanted(service)).count();
    let healthy = count(|service| service.health == Health::Healthy);
    let running = count(ServiceStatus::runs);
    if !services.is_empty() && healthy == services.len() {
        StackState::Up
    } else if running > 0 && run.is_some_and(|run| run.outcome == Some(RunOutcome::Succeeded)) {
        StackState::Degraded
    } else if running > 0 || run.is_some() {
        StackState::Partial
    } else {
        StackState::New
    }
}
