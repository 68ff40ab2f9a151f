//! The live shop: a supervised process that writes a tick every two seconds.

use std::time::Duration;

use async_trait::async_trait;
use engine::process::ServiceSpec;
use engine::{Outputs, Presence, Step, StepContext};
use generator::{LiveEvent, Writer};
use protocol::{Failure, SandboxConfig, StepId, TargetConfig};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Sandbox, Service, postgres, shop};
use crate::files;
use crate::home::StackFolder;
use crate::role::{self, Role};

const START_DEADLINE: Duration = Duration::from_secs(15);

/// A log line every so many ticks: one a minute.
const TICKS_PER_LINE: i64 = 30;

/// What can be changed while the shop is open.
#[derive(Debug, Serialize, Deserialize)]
struct ShopSettings {
    orders_per_minute: f64,
}

/// The step that opens the shop for business.
pub(super) struct LiveShop {
    sandbox: Sandbox,
}

impl LiveShop {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self { sandbox: sandbox.clone() }
    }
}

#[async_trait]
impl Step for LiveShop {
    fn id(&self) -> StepId {
        "shop".into()
    }

    fn title(&self) -> &'static str {
        "Live shop"
    }

    fn describe_apply(&self) -> String {
        format!(
            "Start the generator: about {:.0} orders a minute, written every two seconds, each tick exactly once.",
            self.sandbox.rate()
        )
    }

    fn describe_destroy(&self) -> String {
        "Stop the generator.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["history".into()]
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let process = Service::Generator.process(&self.sandbox).await?;
        Ok(process.map_or(Presence::Absent, |found| Presence::Present(format!("it runs as process {}", found.pid))))
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        Service::Generator.bring_up(&self.sandbox, context, START_DEADLINE).await?;
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        Service::Generator.take_down(&self.sandbox, context).await?;
        let _ = std::fs::remove_file(self.sandbox.folder.shop_file());
        Ok(())
    }
}

/// How the generator is started: this executable, in that role.
pub(super) fn spec(sandbox: &Sandbox) -> Result<ServiceSpec, Failure> {
    Ok(ServiceSpec {
        mark: Service::Generator.mark(sandbox),
        program: role::executable()?,
        args: Role::Generator.arguments(sandbox.folder.path()),
        env: Vec::new(),
        folder: sandbox.folder.path().to_owned(),
        log: sandbox.folder.service_log(Service::Generator.name()),
        user: None,
    })
}

/// Plays the generator until it is asked to end.
pub(crate) async fn run(folder: StackFolder) -> Result<(), Failure> {
    let TargetConfig::Sandbox(config) = folder.config()?.target else {
        return Err(Failure::bug("The live shop was started for a stack that is no sandbox"));
    };
    let cancel = CancellationToken::new();
    cancel_on_signal(cancel.clone())?;
    let mut writer = Writer::connect(&postgres::config(&folder))
        .await
        .map_err(|error| shop::failure("to connect to PostgreSQL", &error))?;
    let rate = || read_rate(&folder, &config);
    note("INFO", "the shop is open");
    let result = writer.run_live(&shop::generator_config(&config), rate, &cancel, log).await;
    note("INFO", "the shop is closed");
    result.map_err(|error| shop::failure("while it was open", &error))
}

fn log(event: LiveEvent<'_>) {
    match event {
        LiveEvent::Written(record) if record.tick % TICKS_PER_LINE == 0 => note(
            "INFO",
            &format!(
                "tick {}: {} orders, {} status changes, {:.1} ms",
                record.tick, record.orders, record.status_changes, record.write_ms
            ),
        ),
        LiveEvent::Written(_) => {}
        LiveEvent::Waiting { error, retry_in } => {
            note("WARN", &format!("PostgreSQL is away ({error}), trying again in {} ms", retry_in.as_millis()));
        }
    }
}

/// Standard error of a service is its log.
fn note(level: &str, line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{} {level} {line}", jiff::Timestamp::now());
}

fn cancel_on_signal(cancel: CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::environment("The program could not listen for signals").source(&error))?;
    tokio::spawn(async move {
        terminate.recv().await;
        cancel.cancel();
    });
    Ok(())
}

/// The rate to keep, in orders a minute: as it was last set, or as the stack was made.
pub(super) fn read_rate(folder: &StackFolder, config: &SandboxConfig) -> f64 {
    std::fs::read_to_string(folder.shop_file())
        .ok()
        .and_then(|text| toml::from_str::<ShopSettings>(&text).ok())
        .map_or(config.orders_per_minute, |settings| settings.orders_per_minute)
}

pub(super) fn write_rate(folder: &StackFolder, orders_per_minute: f64) -> Result<(), Failure> {
    let text = toml::to_string(&ShopSettings { orders_per_minute })
        .map_err(|error| Failure::bug("The shop's settings could not be encoded").source(&error))?;
    files::write_atomically(&folder.shop_file(), text.as_bytes())
        .map_err(|error| Failure::environment("The shop's settings could not be written").source(&error))
}
