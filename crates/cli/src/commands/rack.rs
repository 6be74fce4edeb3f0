//! `benchrack rack`: phones on this host's USB.

use benchrack_rack::{Adb, phones};
use clap::Args;

use crate::context::Context;
use crate::exit::{Blame, Exit, Outcome};
use crate::output;

/// List the phones that adb sees on this host, and what each one needs to be usable.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  benchrack rack\n  benchrack rack --adb ~/platform-tools/adb --json")]
pub struct Rack {
    /// The adb program.
    #[arg(long, default_value = "adb", value_name = "PROGRAM")]
    adb: std::path::PathBuf,
}

impl Rack {
    pub async fn run(self, context: &Context) -> Outcome {
        let adb = Adb { program: self.adb, ..Adb::default() };
        let phones = phones::attached(&adb).await.infrastructure("cannot list the phones")?;
        if context.json {
            return output::json(&phones);
        }
        if phones.is_empty() {
            return output::line("adb sees no phone; switch on USB debugging in the phone's developer options and plug it in");
        }
        let mut table = output::table(["serial", "model", "state", "what to do"], &[]);
        for phone in phones {
            let advice = phone.state.advice().unwrap_or_default();
            table.add_row([phone.serial, phone.model.unwrap_or_else(|| "–".into()), phone.state.to_string(), advice.into()]);
        }
        output::line(table)?;
        Ok(Exit::Pass)
    }
}
